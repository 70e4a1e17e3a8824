/** Egress by name: getaddrinfo of the C library against dnsmasq, and connections right behind its answer. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { FlowView } from '../../src/core/api/flow.js'
import { Node, type Pod, until } from '../node.js'

/** What the chain gives to the first pod. */
const RESOLVER = { v4: '10.77.0.2', v6: 'fd00:77::2' }
const LOOKUPS = process.env.SOAK === '1' ? 10_000 : 300
const SHORT = '10.88.250.1'
const EVIL = '10.88.251.1'

const POLICY = (more = '') => `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: egress, namespace: default }
spec:
  podSelector: { matchLabels: { role: client } }
  mode: protect
  failure: closed
  ${more}
  egress:
    - name: dns
      ports: [{ protocol: UDP, port: 53 }, { protocol: TCP, port: 53 }]
    - name: shop
      to: [{ fqdn: '*.shop.test' }]
`

/** Looks each name up and connects at once to all its addresses: {failed: [...], connected}. */
const CLIENT = `
const dns = require('dns'), net = require('net')
const names = JSON.parse(require('fs').readFileSync(process.argv[2]))
const port = Number(process.argv[3])
let connected = 0
const failed = []
const connect = (name, host) => new Promise((resolve) => {
  const socket = net.connect({ host, port })
  socket.on('connect', () => { connected++; socket.resetAndDestroy(); resolve() })
  socket.on('error', (error) => { failed.push([name, host, error.code]); resolve() })
})
const one = (name) => new Promise((resolve) => dns.lookup(name, { all: true }, async (error, found) => {
  if (error) failed.push([name, error.code])
  await Promise.all((found ?? []).map(({ address }) => connect(name, address)))
  resolve()
}))
const next = async () => { for (let name = names.pop(); name !== undefined; name = names.pop()) await one(name) }
Promise.all(Array.from({ length: 4 }, next)).then(() => console.log(JSON.stringify({ connected, failed })))
`

const SERVER = `
const server = require('http').createServer((q, s) => s.end('host ' + q.headers.host))
server.on('error', (error) => { throw error })
server.listen(80, '::', 4096)
`

/** `name address`, both families. */
const nth = (i: number) => ({
  name: `n${i}.shop.test`,
  v4: `10.88.${i >> 8}.${i & 255}`,
  v6: `fd00:88::${(i >> 8).toString(16)}:${(i & 255).toString(16)}`,
})

interface World {
  readonly node: Node
  readonly web: Pod
  readonly client: Pod
  readonly other: Pod
}

async function serveNames(node: Node, dns: Pod): Promise<void> {
  const hosts = join(node.dir, 'hosts')
  const lines = Array.from({ length: LOOKUPS }, (_, i) => nth(i)).flatMap(({ name, v4, v6 }) => [
    `${v4} ${name}`,
    `${v6} ${name}`,
  ])
  writeFileSync(hosts, `${lines.join('\n')}\n`)
  const fixed = [`short.shop.test,${SHORT},1`, `evil.test,${EVIL}`, 'edge.cdn.test,10.88.252.1']
  dns.serve(
    '/usr/sbin/dnsmasq',
    [
      ...['--no-daemon', '--no-resolv', '--no-hosts', '--conf-file=/dev/null', '--user=root'],
      ...[`--pid-file=${join(node.dir, 'dnsmasq.pid')}`, `--addn-hosts=${hosts}`],
      ...fixed.map((record) => `--host-record=${record}`),
      ...['--cname=www.shop.test,edge.cdn.test', '--local-ttl=60', '--dns-forward-max=1000'],
    ],
    join(node.dir, 'dnsmasq.log'),
  )
  await dns.listening(53, 'udp')
}

/** Every address of 10.88.0.0/16 and fd00:88::/32 is the web pod's. */
async function routeToWeb(node: Node, web: Pod): Promise<void> {
  for (const [family, prefix, address] of [
    ['-4', '10.88.0.0/16', web.ip4],
    ['-6', 'fd00:88::/32', web.ip6],
  ] as const) {
    await web.exec('ip', [family, 'route', 'add', 'local', prefix, 'dev', 'lo'])
    await node.exec('ip', [family, 'route', 'add', prefix, 'via', address])
  }
  for (const key of ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'])
    await node.exec('sysctl', ['-qw', `${key}=1`])
  web.serve(process.execPath, ['-e', SERVER], join(node.dir, 'web.log'))
  await web.listening(80)
}

async function makeWorld(t: Test): Promise<World> {
  const { v4, v6 } = RESOLVER
  const dpdConfig = `fqdn: { resolvers: ["${v4}", "${v6}"], graceSeconds: 1 }\n`
  const node = new Node({ name: `vwfq${process.pid}`, dpdConfig })
  t.teardown(() => node.close())
  writeFileSync(
    join(node.endpointsDir, 'who.yaml'),
    'pods: [{ namespace: default, name: "client*", labels: { role: client } }]\n',
  )
  writeFileSync(join(node.policyDir, 'egress.yaml'), POLICY())
  await node.startDpd()
  const dns = await node.addPod('dns')
  t.equal(dns.ip4, v4, 'the resolver is where dpd.yaml says')
  const web = await node.addPod('web')
  const client = await node.addPod('client')
  const other = await node.addPod('client2')
  await serveNames(node, dns)
  await routeToWeb(node, web)
  writeFileSync(join(node.dir, 'resolv.conf'), `nameserver ${v4}\noptions timeout:2 attempts:2\n`)
  return { node, web, client, other }
}

/** With the pod's own resolv.conf. */
function run(node: Node, pod: Pod, command: string, args: readonly string[], timeoutMs = 20_000) {
  const bind = `mount --bind ${join(node.dir, 'resolv.conf')} /etc/resolv.conf && exec "$0" "$@"`
  return pod.exec('unshare', ['--mount', 'sh', '-c', bind, command, ...args], { timeoutMs })
}

interface Heard {
  readonly connected: number
  readonly failed: readonly (readonly string[])[]
}

async function lookUp(node: Node, pod: Pod, names: readonly string[]): Promise<Heard> {
  const [file, list] = [join(node.dir, 'client.cjs'), join(node.dir, 'names.json')]
  writeFileSync(file, CLIENT)
  writeFileSync(list, JSON.stringify(names))
  const { stdout, stderr } = await run(node, pod, process.execPath, [file, list, '80'], 600_000)
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout) as Heard
}

/** Without a look-up. */
async function connects(pod: Pod, address: string): Promise<string> {
  const script = `const s = require('net').connect({ host: '${address}', port: 80 }); s.on('connect', () => { console.log('connected'); s.destroy() }); s.on('error', (e) => console.log(e.code))`
  return (await pod.exec(process.execPath, ['-e', script])).stdout.trim()
}

t.setTimeout(process.env.SOAK === '1' ? 900_000 : 120_000)
t.test('egress by name', async (t) => {
  const { node, client, other, web } = await makeWorld(t)

  await t.test('nobody was asked: denied', async (t) => {
    t.equal(await connects(client, nth(0).v4), 'ECONNREFUSED')
    t.equal(await connects(client, nth(0).v6), 'ECONNREFUSED')
  })

  await t.test(`${LOOKUPS} look-ups of A and AAAA, each connected to at once`, async (t) => {
    const names = Array.from({ length: LOOKUPS }, (_, i) => nth(i).name)
    const { connected, failed } = await lookUp(node, client, names)
    t.same(failed, [], 'no false denial')
    t.equal(connected, LOOKUPS * 2, 'IPv4 and IPv6')
  })

  await t.test('replay of a capture: whose answers count is said to it', async (t) => {
    const file = join(node.dir, 'names.pcap')
    const dump = client.serve('tcpdump', ['-U', '-w', file, '-i', 'eth0'], `${file}.log`)
    await until('tcpdump runs', () => /listening/.test(readFileSync(`${file}.log`, 'utf8')))
    for (const family of ['-4', '-6']) {
      const { stdout } = await run(node, client, 'curl', ['-sS', family, 'http://n5.shop.test/'])
      t.equal(stdout, 'host n5.shop.test')
    }
    const judged = async (...resolvers: string[]) => {
      const args = [file, '--policy', join(node.policyDir, 'egress.yaml'), '--endpoints', who]
      const pod = ['--pod', 'default/client', '-o', 'json']
      const { stdout, stderr } = await node.dpctl('replay', ...args, ...pod, ...resolvers)
      const { flows } = JSON.parse(stdout) as { flows: FlowView[] }
      const toWeb = flows.filter(({ destinationPort }) => destinationPort === 80)
      return { stderr, rules: toWeb.map(({ decision }) => `${decision.verdict} ${decision.rule}`) }
    }
    const who = join(node.dir, 'client.yaml')
    const addresses = JSON.stringify([client.ip4, client.ip6])
    const entry = `{ namespace: default, name: client, labels: { role: client }, addresses: ${addresses} }`
    writeFileSync(who, `pods: [${entry}]\n`)
    const named = ['--resolvers', `${RESOLVER.v4},${RESOLVER.v6}`]
    await until('all is captured', async () => (await judged()).rules.length === 2)
    dump.kill('SIGTERM')
    const shop = 'allow default/egress/shop'
    t.same(await judged(...named), { stderr: '', rules: [shop, shop] })
    const other = await judged('--resolvers', '192.0.2.1')
    t.match(other.rules, [/^deny /, /^deny /], 'another server')
    const none = await judged()
    t.match(none, { stderr: /fqdn peers match nothing.*--resolvers/, rules: [/^deny /, /^deny /] })
  })

  await t.test("what one pod learned is no other's", async (t) => {
    t.equal(await connects(client, nth(1).v4), 'connected')
    t.equal(await connects(other, nth(1).v4), 'ECONNREFUSED')
  })

  await t.test(
    'a name that no rule means opens nothing; an alias opens what it leads to',
    async (t) => {
      t.match((await lookUp(node, client, ['evil.test'])).failed, [
        ['evil.test', EVIL, 'ECONNREFUSED'],
      ])
      t.match(await lookUp(node, client, ['www.shop.test']), { connected: 1, failed: [] })
    },
  )

  await t.test('answers of others than the resolver teach nothing', async (t) => {
    web.serve(
      '/usr/sbin/dnsmasq',
      [
        ...['--no-daemon', '--no-resolv', '--no-hosts', '--conf-file=/dev/null', '--user=root'],
        ...[`--pid-file=${join(node.dir, 'evil.pid')}`, '--address=/forged.shop.test/10.88.253.1'],
      ],
      join(node.dir, 'evil.log'),
    )
    await web.listening(53, 'udp')
    const { stdout } = await client.exec('dig', ['+short', `@${web.ip4}`, 'forged.shop.test'])
    t.equal(stdout.trim(), '10.88.253.1', 'the answer passes')
    t.equal(await connects(client, '10.88.253.1'), 'ECONNREFUSED')
  })

  await t.test('strict: the Host is the name that opened the address', async (t) => {
    const curl = (...args: string[]) => run(node, client, 'curl', ['-sS', '-m', '10', ...args])
    t.match((await curl('http://n2.shop.test/')).stdout, 'host n2.shop.test')
    const fronted = await curl('-H', 'Host: evil.test', 'http://n2.shop.test/')
    t.notMatch(fronted.stdout, 'host evil.test')
    t.match(fronted.stdout + fronted.stderr, /denied|reset/i)
  })

  await t.test('an expired name lets nobody begin, and who lives goes on', async (t) => {
    const script = `
const dns = require('dns'), net = require('net')
dns.lookup('short.shop.test', (error, host) => {
  const socket = net.connect({ host, port: 80 })
  socket.on('error', (e) => { console.log(e.code); process.exit() })
  socket.on('connect', () => console.log('connected'))
  socket.on('data', (d) => console.log(/host (\\S+)/.exec(d)?.[1]))
  process.stdin.on('data', () => socket.write('GET / HTTP/1.1\\r\\nHost: short.shop.test\\r\\n\\r\\n'))
})`
    const file = join(node.dir, 'long.cjs')
    writeFileSync(file, script)
    const heard = join(node.dir, 'long.log')
    const bind = `mount --bind ${join(node.dir, 'resolv.conf')} /etc/resolv.conf && tail -f ${join(node.dir, 'long.in')} | exec ${process.execPath} ${file}`
    writeFileSync(join(node.dir, 'long.in'), '')
    client.serve('unshare', ['--mount', 'sh', '-c', bind], heard)
    const said = () => (readFileSync(heard, 'utf8').match(/\S+/g) ?? []).join(' ')
    await until('connected', async () => said() === 'connected')
    await until(
      'the name has expired',
      async () => (await connects(client, SHORT)) === 'ECONNREFUSED',
    )
    await node.policy('egress.yaml', POLICY('fqdnBinding: strict'))
    writeFileSync(join(node.dir, 'long.in'), 'go\n', { flag: 'a' })
    await until('it goes on under a new policy', async () => said() === 'connected short.shop.test')
    t.pass()
  })

  await t.test('a restart forgets nothing', async (t) => {
    await node.stopDpd()
    await node.startDpd()
    t.equal(await connects(client, nth(3).v4), 'connected')
    t.equal(await connects(other, nth(3).v4), 'ECONNREFUSED')
  })

  await t.test('loose: the address is enough', async (t) => {
    await node.policy('egress.yaml', POLICY('fqdnBinding: loose'))
    const args = ['-sS', '-m', '10', '-H', 'Host: evil.test', 'http://n4.shop.test/']
    t.match((await run(node, client, 'curl', args)).stdout, 'host evil.test')
  })
})
