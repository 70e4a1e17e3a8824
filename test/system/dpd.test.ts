import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { EndpointRecord } from '../../src/core/endpoint.js'
import { os } from '../../src/intercept/addon.js'
import { chooseDriver } from '../../src/intercept/drivers.js'
import { attach } from '../../src/intercept/swap.js'
import { Daemon, type Exit, exec, request } from '../dpd/daemon.js'
import { type Netns, testNetns, vethPair } from '../netns.js'
import { until } from '../process.js'

const POLICY = (mode: string, rule: string): string => `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: web, namespace: default }
spec:
  podSelector: { matchLabels: { app: web } }
  mode: ${mode}
  ingress:
    - name: read
      ports: [{ protocol: TCP, port: 80 }]
      ${rule}
`
const GET_ITEMS = 'http: [{ methods: [GET], paths: ["/items/*"] }]'
const ENDPOINTS = 'pods: [{ namespace: default, name: web, labels: { app: web } }]\n'
const FAMILIES = { IPv4: '10.55.0.2', IPv6: '[fd55::2]' }
/** Echoes method and path; its connections stay. */
const SERVER = `require('http').createServer((q, s) => { q.resume(); q.on('end', () => s.end(q.method + ' ' + q.url)) })
  .listen(80, '::')`

interface World {
  readonly daemon: Daemon
  readonly client: Netns
  readonly pod: Netns
}

function curl({ client }: World, url: string, ...more: string[]): Promise<Exit> {
  return exec('ip', [
    'netns',
    'exec',
    client.name,
    'curl',
    '-sS',
    '--fail-with-body',
    '-g',
    '--max-time',
    '4',
    ...more,
    url,
  ])
}

async function makeWorld(t: Test, policy: string): Promise<World> {
  const daemon = new Daemon(t)
  daemon.policy('web.yaml', policy)
  const client = testNetns(t, 'vdc')
  const pod = testNetns(t, 'vdp')
  vethPair(
    { netns: client, ifName: 'eth0', addresses: ['10.55.0.1/24', 'fd55::1/64'] },
    { netns: pod, ifName: 'eth0', addresses: ['10.55.0.2/24', 'fd55::2/64'] },
  )
  writeFileSync(`${daemon.endpointsDir}/pods.yaml`, ENDPOINTS)
  const server = spawn('ip', ['netns', 'exec', pod.name, process.execPath, '-e', SERVER])
  t.teardown(() => server.kill('SIGKILL'))
  await until('the server listens', () => pod.exec('ss', ['-Hltn']).includes(':80 '))
  return { daemon, client, pod }
}

/** What the plugin does at ADD. */
async function add({ daemon, pod }: World): Promise<EndpointRecord> {
  const { instance } = daemon
  const context = {
    os,
    instance,
    ...chooseDriver(os, instance, 'auto'),
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(),
    now: () => new Date().toISOString(),
    warn: (message: string) => console.error(message),
  }
  const record = attach(context, {
    containerID: `c-${instance.name}`,
    ifName: 'eth0',
    network: 'test',
    netns: pod.path,
    namespace: 'default',
    pod: 'web',
    podUid: null,
    failure: 'closed',
  })
  context.driver.close()
  return record
}

interface FlowsAnswer {
  readonly flows: readonly {
    readonly flow: number
    readonly verdict: string
    readonly would: string | null
    readonly app: string | null
  }[]
}
async function flows({ daemon }: World, query: string): Promise<FlowsAnswer['flows']> {
  return ((await daemon.get(`/v1/flows?${query}`)) as unknown as FlowsAnswer).flows
}

t.setTimeout(180_000)

t.test('a pod under protect', async (t) => {
  const world = await makeWorld(t, POLICY('protect', GET_ITEMS))
  const { daemon } = world
  await daemon.start()
  const record = await add(world)
  const answer = await request(daemon.instance.socketPath, 'POST', '/v1/endpoints', {
    protocol: 1,
    record,
  })
  t.match(answer, { status: 200, body: { protocol: 1, path: 'inline', mode: 'protect' } })

  for (const [family, host] of Object.entries(FAMILIES)) {
    t.match(
      await curl(world, `http://${host}/items/1`),
      { status: 0, stdout: 'GET /items/1' },
      family,
    )
    const from = Date.now()
    const post = await curl(world, `http://${host}/items/1`, '-d', 'x=1')
    t.match(post, { status: 22, stdout: 'Denied by network policy.\n' }, `${family}: POST`)
    t.ok(Date.now() - from < 1500, 'at once')
    const admin = await curl(world, `http://${host}/admin`)
    t.match(admin, { status: 22, stdout: 'Denied by network policy.\n' }, `${family}: /admin`)
  }

  const denied = await flows(world, 'verdict=deny&pod=default/web')
  t.equal(denied.length, 4)
  t.match(denied, [{ app: 'http', verdict: 'deny', would: null }])
  const why = await daemon.dpctl('why', String(denied[0]?.flow))
  t.match(why, { status: 0, stdout: /default\/web.*[\s\S]*POST[\s\S]*default-deny/ })
  const table = await daemon.dpctl('flows', '--verdict', 'deny')
  t.match(table.stdout, /default\/web +ingress +10\.55\.0\.1:\d+ +tcp +http +deny +default-deny/)
  t.match((await daemon.dpctl('pods')).stdout, /default\/web\/eth0 +\d+ +protect +inline +closed/)

  await t.test('a new policy ends what it denies within a second', async (t) => {
    const live = spawn('ip', [
      ...['netns', 'exec', world.client.name, process.execPath, '-e'],
      `const s = require('net').connect(80, '10.55.0.2', () => s.write('GET /items/1 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'))
       s.on('data', () => console.log('data')); s.on('error', (e) => { console.log(e.code); process.exit() })`,
    ])
    let text = ''
    live.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    await until('the flow is answered', () => text.includes('data'))
    const generation = await daemon.generation()
    daemon.policy('web.yaml', POLICY('protect', 'http: [{ methods: [HEAD] }]'))
    await until('in force', async () => (await daemon.generation()) > generation)
    await until('the flow is reset', () => text.includes('ECONNRESET'), 1000)
    t.not((await curl(world, 'http://10.55.0.2/items/1')).status, 0)
    daemon.policy('web.yaml', POLICY('protect', GET_ITEMS))
    await until('back', async () => (await curl(world, 'http://10.55.0.2/items/1')).status === 0)
  })

  await t.test('a broken policy file changes nothing, and is named', async (t) => {
    const generation = await daemon.generation()
    daemon.policy('broken.yaml', 'apiVersion: vethwall.dev/v1\nkind: Polcy\n')
    const status = await until('the fault is known', async () => {
      const exit = await daemon.dpctl('status')
      return exit.stdout.includes('broken.yaml:2:') ? exit : null
    })
    t.equal(status.status, 1, 'a finding')
    t.equal(await daemon.generation(), generation)
    t.equal((await curl(world, 'http://10.55.0.2/items/1')).status, 0)
    daemon.policy('broken.yaml', '')
    await until('healed', async () => (await daemon.dpctl('status')).status === 0)
  })

  await t.test('monitor by override, and back', async (t) => {
    t.equal((await daemon.dpctl('mode', 'default/web', 'monitor')).status, 0)
    t.match(await curl(world, 'http://[fd55::2]/admin', '-d', 'x'), {
      status: 0,
      stdout: 'POST /admin',
    })
    const would = await until('would: deny', async () => {
      const list = await flows(world, 'verdict=would-deny')
      return list.length > 0 && list
    })
    t.match(would, [{ verdict: 'allow', would: 'deny', app: 'http' }])
    t.equal((await daemon.dpctl('mode', 'default/web', 'auto')).status, 0)
    t.not((await curl(world, 'http://[fd55::2]/admin')).status, 0)
  })

  await t.test('discover learns a policy that imports unchanged', async (t) => {
    t.equal((await daemon.dpctl('mode', 'default/web', 'discover')).status, 0)
    t.equal((await curl(world, 'http://10.55.0.2/learned', '-H', 'Host: shop.example')).status, 0)
    const learned = await until('learned', async () => {
      const exit = await daemon.dpctl('policy', 'learn', 'default/web')
      return exit.stdout.includes('shop.example') ? exit.stdout : null
    })
    writeFileSync(`${daemon.dir}/learned.yaml`, learned)
    t.match(await daemon.dpctl('policy', 'check', `${daemon.dir}/learned.yaml`), { status: 0 })
    t.equal((await daemon.dpctl('mode', 'default/web', 'auto')).status, 0)
  })

  await t.test('quarantine cuts off, release lets in again', async (t) => {
    t.equal((await daemon.dpctl('mode', 'default/web', 'quarantine')).status, 0)
    t.not((await curl(world, 'http://10.55.0.2/items/1', '--max-time', '1')).status, 0)
    t.equal((await daemon.dpctl('mode', 'default/web', 'release')).status, 0)
    await until('in', async () => (await curl(world, 'http://10.55.0.2/items/1')).status === 0)
  })

  await t.test('killed: closed; back: adopted, and stopped in order', async (t) => {
    await daemon.stop('SIGKILL')
    t.not((await curl(world, 'http://10.55.0.2/items/1', '--max-time', '2')).status, 0)
    await daemon.start()
    await until(
      'served again',
      async () => (await curl(world, 'http://10.55.0.2/items/1')).status === 0,
    )
    t.match((await daemon.dpctl('pods')).stdout, /default\/web\/eth0 +\d+ +protect +inline/)
    t.equal(await daemon.stop('SIGTERM'), 0)
  })

  const events = readFileSync(daemon.eventsPath, 'utf8').trim().split('\n')
  const types = new Set(
    events.map((line) => (JSON.parse(line) as { event_type: string }).event_type),
  )
  t.ok(
    ['http', 'drop', 'alert', 'flow'].every((type) => types.has(type)),
    [...types].join(),
  )
})
