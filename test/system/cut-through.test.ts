/** Decided flows pass in the kernel: counted, in order, ended, recalled, and never taken for decided again. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { os } from '../../src/intercept/addon.js'
import { load } from '../../src/intercept/bpf/loader.js'
import { Node, until } from '../node.js'
import { root } from '../root.js'

t.setTimeout(180_000)

const LOAD = join(root, 'test/system/cut/load.py')
const FLOW_KEY_OCTETS = 40
const policy = (ports: string, name = 'app'): string => `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: ${name}, namespace: default }
spec:
  podSelector: { matchLabels: { app: ${name} } }
  mode: protect
  failure: closed
  ingress: [{ name: load, ports: [${ports}] }]
`
const UDP = '{ port: 9000, protocol: UDP }'
const TCP = '{ port: 9001 }'
const ALL = policy(`${UDP}, ${TCP}`)
const WEB_RULE =
  "{ name: web, ports: [{ port: 80 }], http: [{ methods: [GET], paths: ['/items/*'] }] }"
const BODY_OCTETS = 64 << 20
const WEB = `import http.server, socket, sys, os
os.chdir(sys.argv[1])
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
Server(('::', 80), Handler).serve_forever()`
const WHO = `pods:
  - { namespace: default, name: app, labels: { app: app } }
  - { namespace: default, name: other, labels: { app: other } }
`

interface Told {
  readonly what: string
  readonly sent: number
  readonly came: number
  readonly late: number
  readonly port: number
  readonly error: string
}

/** A client under way: what it said so far, and its end. */
class Load {
  constructor(
    readonly log: string,
    private readonly seconds: number,
  ) {}

  static start(host: string, kind: 'udp' | 'tcp', seconds: number): Load {
    const log = join(node.dir, `load-${Load.#count++}.log`)
    client.serve('python3', [LOAD, host, kind, String(seconds)], log)
    return new Load(log, seconds)
  }
  static #count = 0

  told(): Told[] {
    const text = readFileSync(this.log, 'utf8')
    return text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Told)
  }

  async say(what: string): Promise<Told> {
    const find = () => this.told().find((told) => told.what === what)
    const deadlineMs = 1000 * this.seconds + 30_000
    await until(`${what} in ${this.log}`, () => find() !== undefined, deadlineMs)
    return find() as Told
  }
}

async function counter(name: string): Promise<number> {
  const url = ['--unix-socket', node.instance.socketPath, 'http://dpd/metrics']
  const { stdout } = await node.exec('curl', ['-sS', ...url])
  const line = stdout.split('\n').find((one) => one.startsWith(`${name} `))
  if (line === undefined) throw new Error(`no ${name} in ${stdout}`)
  return Number(line.split(' ')[1])
}
const kernel = (cause: string) => counter(`vethwall_kernel_frames_total{cause="${cause}"}`)
const frames = () => counter('vethwall_engine_frames_total')

interface FlowRecord {
  readonly event_type: string
  readonly src_ip: string
  readonly proto: string
  readonly src_port: number
  readonly dest_port: number
  readonly flow: {
    readonly pkts_toserver: number
    readonly bytes_toserver: number
    readonly pkts_toclient: number
    readonly bytes_toclient: number
    readonly reason: string
  }
}
function records(port: number, from?: number): FlowRecord[] {
  return (node.events() as FlowRecord[]).filter(
    ({ event_type, dest_port, src_port }) =>
      event_type === 'flow' && dest_port === port && (from ?? src_port) === src_port,
  )
}

/** As if other flows had driven out all entries. Says how many there were. */
function evictAll(): number {
  const loaded = load(os, node.instance.bpffsDir)
  try {
    const fd = loaded.mapFd('flows')
    const keys = os.bpf.mapKeys(fd, FLOW_KEY_OCTETS)
    for (const key of keys) os.bpf.mapDelete(fd, key)
    return keys.length
  } finally {
    loaded.close()
  }
}

const node = new Node({ name: `vwct${process.pid}` })
t.teardown(() => node.close())
writeFileSync(join(node.endpointsDir, 'who.yaml'), WHO)
writeFileSync(join(node.policyDir, 'app.yaml'), ALL)
await node.startDpd()
const app = await node.addPod('app')
const client = await node.addPlainPod('client')
app.serve('python3', [LOAD, 'server'], join(node.dir, 'server.log'))
await app.listening(9001)
const hosts = [app.ip4, app.ip6]
/** Long enough for what is under way to come back: longer than any pending direction may last. */
const settled = () => client.exec('ping', ['-c', '2', '-i', '0.2', '127.0.0.1'])

t.test('in order, counted, ended', async (t) => {
  const before = await frames()
  const loads = hosts.map((host) => Load.start(host, 'udp', 2))
  for (const each of loads) {
    const { sent, came, late } = await each.say('sent')
    t.ok(came > 1000 && came <= sent, `${came} of ${sent} datagrams`)
    t.equal(late, 0, 'none was overtaken')
  }
  const sent = loads.reduce((sum, each) => sum + (each.told()[0]?.sent ?? 0), 0)
  t.ok((await frames()) - before < sent / 10, 'the engine saw the head of it')
  t.equal(await kernel('cut_reordered'), 0)

  const tcp = await Promise.all(hosts.map((host) => Load.start(host, 'tcp', 0.5).say('sent')))
  await until('both ends are told', () => records(9001).length === 2)
  for (const record of records(9001)) {
    t.equal(record.flow.reason, 'fin')
    t.ok(record.flow.bytes_toserver > Math.min(...tcp.map((told) => told.sent)), 'octets')
    t.ok(record.flow.pkts_toclient > 20, 'packets')
  }
})

t.test('a long body passes, and the request behind it is judged', async (t) => {
  const dir = join(node.dir, 'www', 'items')
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'long'), Buffer.alloc(BODY_OCTETS, 'x'))
  app.serve('python3', ['-c', WEB, join(node.dir, 'www')], join(node.dir, 'web.log'))
  await app.listening(80)
  await node.policy('app.yaml', policy(`${UDP}, ${TCP}`).replace('[{', `[${WEB_RULE}, {`))
  for (const host of hosts) {
    const url = `http://${host.includes(':') ? `[${host}]` : host}`
    const before = await frames()
    const args = ['-sS', '-m', '30', '-o', '/dev/null', '-w', '%{http_code} %{size_download}\n']
    const both = [`${url}/items/long`, '--next', ...args, `${url}/items/../admin`]
    const { stdout } = await client.exec('curl', [...args, '--path-as-is', ...both])
    t.match(stdout, new RegExp(`^200 ${BODY_OCTETS}\n`), 'all of it came')
    t.notMatch(stdout, /^404/m, 'the denied one reached nobody')
    const seen = (await frames()) - before
    t.ok(seen < BODY_OCTETS / 65_536 / 4, `${seen} frames came up`)
    await until('all of it was counted', () =>
      records(80).some(({ src_ip, flow }) => {
        return src_ip.includes(':') === host.includes(':') && flow.bytes_toclient > BODY_OCTETS
      }),
    )
  }
  t.notMatch(readFileSync(join(node.dir, 'web.log'), 'utf8'), /admin/)
})

t.test('a port that is used again is another connection', async (t) => {
  const AGAIN = `import socket, struct, sys
for turn in range(3):
    s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('', 7777)); s.settimeout(5); s.connect((sys.argv[1], 9001))
    for _ in range(20): s.sendall(b'x'); s.recv(1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.close()`
  for (const host of hosts) {
    const { status, stderr } = await client.exec('python3', ['-c', AGAIN, host])
    t.equal(status, 0, stderr)
  }
  await until('each is told', () => records(9001, 7777).length === 6)
  for (const { flow } of records(9001, 7777)) {
    t.equal(flow.reason, 'rst')
    t.ok(flow.pkts_toserver >= 20 && flow.pkts_toserver < 60, `${flow.pkts_toserver} packets`)
  }
})

t.test('evicted entries come up, are no attack, and are cut again', async (t) => {
  const live = [
    ...hosts.map((host) => Load.start(host, 'tcp', 2)),
    ...hosts.map((host) => Load.start(host, 'udp', 2)),
  ]
  const denied = await counter('vethwall_engine_denied_frames_total')
  let evicted = 0
  await until('all flows were driven out again and again', () => {
    evicted += evictAll()
    return live.every((each) => each.told().some(({ what }) => what === 'sent'))
  })
  t.ok(evicted >= 8, `${evicted} entries`)
  for (const each of live) t.match(await each.say('sent'), { what: 'sent' })
  t.equal(await counter('vethwall_engine_denied_frames_total'), denied)
})

t.test('other verdicts recall what is carried; those of others do not', async (t) => {
  const live = hosts.map((host) => Load.start(host, 'tcp', 30))
  for (const each of live) await each.say('connected')
  await until('carried', async () => {
    const start = await frames()
    const turns = live.map((each) => each.told().length)
    await settled()
    t.same(turns, [1, 1], 'alive')
    return (await frames()) === start
  })
  const listed = await node.dpctl('flows', '--state', 'live')
  const row = / tcp .*default\/app\/load +kernel\b/
  t.equal(listed.stdout.split('\n').filter((line) => row.test(line)).length, 2, listed.stdout)
  const start = await frames()
  await node.policy('other.yaml', policy(UDP, 'other'))
  await settled()
  t.ok((await frames()) - start < 10, 'another pod’s policy brings nothing up')
  writeFileSync(join(node.policyDir, 'app.yaml'), policy(UDP))
  const changedMs = Date.now()
  for (const each of live) t.equal((await each.say('broken')).error, 'ConnectionResetError')
  t.comment(`reset within ${Date.now() - changedMs} ms of the write`)
  const denied = Load.start(app.ip4, 'tcp', 1)
  await until('refused', () => /ConnectionRefused/.test(readFileSync(denied.log, 'utf8')))
})

t.test('decided flows outlive dpd, new ones do not pass without it', async (t) => {
  await node.policy('app.yaml', ALL)
  const live = hosts.map((host) => Load.start(host, 'tcp', 4))
  for (const each of live) await each.say('connected')
  await settled()
  await node.stopDpd('SIGKILL')
  const fresh = Load.start(app.ip4, 'tcp', 1)
  await until('silence', () => /timed out/.test(readFileSync(fresh.log, 'utf8')))
  await node.startDpd()
  for (const each of live) t.match(await each.say('sent'), { what: 'sent' }, 'it never broke')
})

t.test('an echo flow is cut too', async (t) => {
  await node.policy(
    'app.yaml',
    ALL.replace(/ports: .*\] }\]/, 'from: [] }]').replace('name: load, ', ''),
  )
  for (const host of hosts) {
    await client.exec('ping', ['-c', '1', host])
    const start = await frames()
    const { stdout } = await client.exec('ping', ['-c', '40', '-i', '0.01', host])
    t.match(stdout, / 0% packet loss/)
    const seen = (await frames()) - start
    t.ok(seen < 30, `${seen} of 80 frames came up`)
  }
})

t.test('outside protect copies stop where nothing more is read', async (t) => {
  await node.policy('app.yaml', ALL.replace('mode: protect', 'mode: monitor'))
  for (const host of hosts) {
    const before = await frames()
    const { sent } = await Load.start(host, 'tcp', 1).say('sent')
    const seen = (await frames()) - before
    t.ok(seen < sent / 1000 / 4, `${seen} frames were copied of ${sent / 1000} turns`)
  }
})
