/** What an operator sees: each dpctl command and exit code, metrics, events, files that are wrong. */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { instanceOf } from '../../src/core/instance.js'
import { exec, Node, until } from '../node.js'
import { root } from '../root.js'
import { startEcho, talk } from './talk.js'

const PORT = 20_000 + (process.pid % 10_000)
const CONFIG = `metrics: { listen: 127.0.0.1:${PORT} }
`
const WHO = `namespaces: [{ name: default, labels: {} }]
pods:
  - { namespace: default, name: server, labels: { app: server } }
  - { namespace: default, name: client, labels: { app: client } }
`
const POLICY = `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: server, namespace: default }
spec:
  podSelector: { matchLabels: { app: server } }
  mode: protect
  ingress:
    - { name: echo, ports: [{ port: 7 }] }
`
const dpctlOf = (...args: string[]) => exec(join(root, 'dist', 'bin', 'dpctl'), args)

function getText(options: object): Promise<{ type: string; text: string }> {
  return new Promise((resolve, reject) => {
    request({ path: '/metrics', ...options }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve({ type: response.headers['content-type'] ?? '', text }))
    })
      .on('error', reject)
      .end()
  })
}

/** OpenMetrics 1.0: each sample below its family's TYPE and HELP, suffixes by type, # EOF last. */
function checkOpenMetrics(t: Test, text: string): void {
  t.ok(text.endsWith('# EOF\n'), 'ends in # EOF')
  const families = new Map<string, string>()
  const helped = new Set<string>()
  const seen = new Set<string>()
  let family = ''
  for (const line of text.split('\n').slice(0, -2)) {
    const meta = /^# (TYPE|HELP|UNIT) (\w+) (.+)$/.exec(line)
    if (meta !== null) {
      const [, what = '', name = '', value = ''] = meta
      if (what === 'TYPE') {
        if (families.has(name)) t.fail(`${name}: a second TYPE`)
        families.set(name, value)
        family = name
      } else if (name !== family) t.fail(`${what} ${name} below ${family}`)
      if (what === 'HELP') helped.add(name)
      if (what === 'UNIT') t.ok(name.endsWith(`_${value}`), `${name} ends in its unit`)
      continue
    }
    const sample = /^(\w+)(\{(?:\w+="(?:[^"\\\n]|\\.)*",?)*\})? -?\d+(\.\d+)?(e[+-]?\d+)?$/.exec(
      line,
    )
    if (sample === null) {
      t.fail(`no sample: ${line}`)
      continue
    }
    const suffix =
      { counter: '_total', gauge: '', info: '_info' }[families.get(family) ?? ''] ?? '?'
    if (sample[1] !== family + suffix) t.fail(`${line}: not of family ${family}`)
    const key = `${sample[1]}${sample[2] ?? ''}`
    if (seen.has(key)) t.fail(`${key} twice`)
    seen.add(key)
  }
  t.same([...families.keys()].sort(), [...helped].sort(), 'each family has a help text')
  t.ok(families.size > 15, `${families.size} families, ${seen.size} samples`)
}

t.setTimeout(180_000)
t.test('programs tell their version, from any directory', async (t) => {
  for (const name of ['vethwall', 'dpd', 'dpctl']) {
    const program = join(root, 'dist', 'bin', name)
    const exit = await exec('env', ['-i', '-C', '/', program, '--version'])
    t.match(exit, { status: 0, stdout: new RegExp(`^${name} \\d+\\.\\d+\\.\\d+\\n$`) })
  }
})

t.test('exit codes without a daemon', async (t) => {
  const none = ['--instance', `vwnone${process.pid}`]
  t.equal((await dpctlOf(...none, 'status')).status, 3)
  t.equal((await dpctlOf(...none, 'flows', '-f')).status, 3)
  t.equal((await dpctlOf(...none, 'nonsense')).status, 2)
  t.equal((await dpctlOf(...none, 'why')).status, 2)
  t.equal((await dpctlOf(...none, 'mode', 'a/b', 'loud')).status, 2)
  t.equal((await dpctlOf(...none, 'policy', 'check', '/nonexistent.yaml')).status, 2)
})

t.test('a node with dpd', async (t) => {
  const node = new Node({ name: `vwop${process.pid}`, dpdConfig: CONFIG })
  t.teardown(() => node.close())
  writeFileSync(join(node.endpointsDir, 'who.yaml'), WHO)
  writeFileSync(join(node.policyDir, 'policy.yaml'), POLICY)
  await node.startDpd()
  const server = await node.addPod('server')
  const client = await node.addPod('client')
  await startEcho(server, node.dir, { tcp: [7, 8] })

  const follower = spawn(join(root, 'dist', 'bin', 'dpctl'), [
    ...['--instance', node.instance.name, 'flows', '-f', '-o', 'json'],
  ])
  t.teardown(() => follower.kill('SIGKILL'))
  let followed = ''
  follower.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    followed += chunk
  })
  await until('dpctl follows', async () => {
    await talk(client, [{ host: server.ip4, port: 7 }])
    return followed.includes('"opened"')
  })
  for (const host of [server.ip4, server.ip6])
    await talk(client, [
      { host, port: 7 },
      { host, port: 8 },
    ])

  await t.test('flows -f tells what happens', async (t) => {
    await until('a denial is followed', () => /"destinationPort":8,/.test(followed))
    await until('an end is followed', () => followed.includes('"closed"'))
    for (const line of followed.trim().split('\n')) t.ok(JSON.parse(line).flow, line.slice(0, 40))
  })

  await t.test('each command in JSON, and its exit code', async (t) => {
    const { flows } = (await node.api('/v1/flows?verdict=deny')) as { flows: { flow: number }[] }
    const learned = join(node.dir, 'learned.yaml')
    const commands: [number, string[]][] = [
      [0, ['status']],
      [0, ['pods']],
      [0, ['flows']],
      [0, ['flows', '--verdict', 'deny', '--pod', 'default/server/eth0']],
      [0, ['why', String(flows[0]?.flow)]],
      [0, ['mode', 'default/client', 'monitor']],
      [0, ['mode', 'default/client', 'auto']],
      [0, ['policy', 'learn', 'default/client']],
      [0, ['policy', 'check', join(node.policyDir, 'policy.yaml')]],
      [0, ['preflight']],
      [1, ['why', '1']],
      [1, ['mode', 'default/nobody', 'monitor']],
      [1, ['policy', 'learn', 'default/nobody']],
    ]
    for (const [status, command] of commands) {
      const table = await node.dpctl(...command)
      const label = `dpctl ${command.join(' ')}`
      // A kernel that lacks something is a finding.
      if (command[0] === 'preflight') t.ok(table.status <= 1, label)
      else t.equal(table.status, status, `${label}: ${table.stderr}`)
      if (status !== 0) {
        t.match(table.stderr, /^dpctl: /, `${label} says why`)
        continue
      }
      const json = await node.dpctl(...command, '-o', 'json')
      t.ok(JSON.parse(json.stdout), `${label} -o json`)
    }
    writeFileSync(learned, (await node.dpctl('policy', 'learn', 'default/client')).stdout)
    t.equal((await node.dpctl('policy', 'check', learned)).status, 0, 'what was learned checks')
  })

  await t.test('what was learned, in protect, allows the same and no more', async (t) => {
    const { stdout } = await node.dpctl('policy', 'learn', 'default/client')
    await node.policy('learned.yaml', stdout.replace(/mode: monitor/, 'mode: protect'))
    t.match((await node.dpctl('pods')).stdout, /default\/client\/eth0 +\d+ +protect/)
    const web = await startEcho(client, node.dir, { tcp: [9] })
    t.ok(web)
    for (const host of [server.ip4, server.ip6])
      t.equal((await talk(client, [{ host, port: 7 }]))[0]?.how, 'ok', `${host}:7`)
    const [out] = await talk(server, [{ host: client.ip4, port: 9 }])
    t.not(out?.how, 'ok', 'into the client: never learned')
  })

  await t.test('replay', async (t) => {
    const file = join(node.dir, 'x.pcap')
    const dump = server.serve('tcpdump', ['-U', '-w', file, '-i', 'eth0', 'tcp'], `${file}.log`)
    await until('tcpdump runs', () => /listening/.test(readFileSync(`${file}.log`, 'utf8')))
    await talk(client, [{ host: server.ip6, port: 7 }])
    await until('captured', () => existsSync(file) && readFileSync(file).length > 500)
    dump.kill('SIGTERM')
    const policy = join(node.policyDir, 'policy.yaml')
    const replayed = await dpctlOf('replay', file, '-o', 'json')
    t.match(replayed, { status: 0 })
    t.equal(JSON.parse(replayed.stdout).flows.length, 1)
    const judged = await dpctlOf(
      ...['replay', file, '--policy', policy, '--pod', 'default/server'],
      ...['--endpoints', join(node.endpointsDir, 'who.yaml')],
    )
    t.match(judged.stdout, /allow +default\/server\/echo/, judged.stderr)
    writeFileSync(`${file}.junk`, 'no capture')
    t.equal((await dpctlOf('replay', `${file}.junk`)).status, 2)
  })

  await t.test('metrics on the socket and on loopback TCP', async (t) => {
    const own = await getText({ socketPath: node.instance.socketPath })
    t.match(own.type, 'application/openmetrics-text; version=1.0.0')
    checkOpenMetrics(t, own.text)
    const tcp = await node.exec('curl', ['-sS', `http://127.0.0.1:${PORT}/metrics`])
    checkOpenMetrics(t, tcp.stdout)
    const api = await node.exec('curl', ['-sS', `http://127.0.0.1:${PORT}/v1/status`])
    t.match(api.stdout, /no-such-path/, 'nothing but metrics there')
  })

  await t.test('wrong files are named with line and column; the old state stays', async (t) => {
    const wrong: [string, string, RegExp][] = [
      [join(node.policyDir, 'a.yaml'), `${POLICY}  colour: blue\n`, /a\.yaml:9:3: /],
      [join(node.policyDir, 'a.yaml'), 'apiVersion: [\n', /a\.yaml:\d+:\d+: /],
      [join(node.endpointsDir, 'b.yaml'), 'pods:\n  - { namespace: 5 }\n', /b\.yaml:2:\d+: /],
    ]
    for (const [file, text, place] of wrong) {
      const generation = await node.generation()
      writeFileSync(file, text)
      let exit = await node.dpctl('status')
      await until(`${file} is found`, async () => {
        exit = await node.dpctl('status')
        return place.test(exit.stdout)
      })
      t.equal(exit.status, 1, place.exec(exit.stdout)?.[0] ?? '')
      t.equal(await node.generation(), generation)
      t.equal((await talk(client, [{ host: server.ip4, port: 7 }]))[0]?.how, 'ok')
      writeFileSync(file, '')
      await until('healed', async () => (await node.dpctl('status')).status === 0)
    }
    writeFileSync(join(node.dir, 'bad.yaml'), 'defaults:\n  mode: loud\n')
    const bad = await exec(join(root, 'dist', 'bin', 'dpd'), [
      ...['--instance', `${node.instance.name}x`, '--config', join(node.dir, 'bad.yaml')],
    ])
    t.match(bad, { status: 2, stderr: /bad\.yaml:2:3: / })
    t.notOk(existsSync(instanceOf(`${node.instance.name}x`).runDir), 'nothing was made')
  })

  await t.test('events are EVE lines', async (t) => {
    const events = node.events() as Record<string, unknown>[]
    for (const event of events) {
      t.ok(Number.isSafeInteger(event.flow_id))
      t.match(event, {
        ...{ timestamp: String, event_type: String, src_ip: String, dest_ip: String },
        vethwall: {
          ...{ endpoint: Number, namespace: String, pod: String, direction: String, mode: String },
          ...{ verdict: String, rule: String, reason: String, generation: Number },
        },
      })
    }
    t.ok(readdirSync(node.dir).includes('events.json'))
  })
})
