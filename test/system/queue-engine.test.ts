/** NFQUEUE as the engine's source: the real engine, real rules and real traffic. */
import t from 'tap'
import type { EngineEvent } from '../../src/core/inspect/contract.js'
import { compiled, policy, setOf, WEB } from '../core/policy/fixture.js'
import type { Netns } from '../netns.js'
import { until } from '../process.js'
import { LOOPBACK, POD, queueBench } from './queue-bench.js'

t.setTimeout(300_000)

const bench = await queueBench(t)
const { engine, client, pod, transfer, server } = bench
const events: EngineEvent[] = []
let listener: (event: EngineEvent) => void = () => {}
engine.onEvents((batch) => {
  for (const event of batch) {
    events.push(event)
    listener(event)
  }
})
t.beforeEach(() => {
  events.length = 0
  listener = () => {}
})

function block(generation: number, ...specs: readonly string[]): Uint8Array {
  const set = setOf(...specs.map((spec, i) => policy(`p${i}`, spec)))
  const addresses = ['10.9.0.2/24', 'fd09::2/64']
  const endpoints = [POD, LOOPBACK].map((id) => ({ ...WEB, id, addresses }))
  return compiled(set, { generation, endpoints, nodeAddresses: [] }).l4Block
}

const HOSTS = ['10.9.0.2', 'fd09::2'] as const
const DENY_ALL = 'podSelector: {}\ningress: []\negress: []'
const ONLY_GET = 'podSelector: {}\ningress: [{http: [{methods: [GET]}]}]'
const BULK = 64 << 20

const pings = (from: Netns, ...args: readonly string[]): boolean => {
  try {
    from.exec('ping', ['-c1', '-W1', '-n', '-q', ...args])
    return true
  } catch {
    return false
  }
}
const counters = () => engine.counters()

await bench.openQueue()
await bench.setPolicy(1, block(1))

t.test('what is decided passes unseen, its end is reported', async (t) => {
  // What the kernel refused of it would count as an error below.
  for (const failOpen of [true, false]) await engine.setQueueFailOpen(POD, failOpen)
  for (const host of HOSTS) {
    events.length = 0
    const before = bench.queued()
    const { answer, sent } = await transfer(host, BULK)
    t.equal(answer, sent, host)
    await until('closed', () => events.some((event) => event.ev === 'closed'))
    const closed = events.filter((event) => event.ev === 'closed')
    t.match(closed, [{ how: 'fin' }])
    t.ok(Number(closed[0]?.counts.octets.orig) >= BULK, 'octets are counted by sequence numbers')
    await until('counters', () => bench.queued() > before)
    const queued = bench.queued() - before
    t.ok(queued < 60, `${queued} packets were queued`)
  }
  await until('verdicts are counted', () => counters().queue_accepted === counters().queue_packets)
  t.match(counters(), { queue_dropped: 0, queue_overflow: 0, queue_errors: 0, injected: 0 })
})

t.test('datagrams, both ways', async (t) => {
  for (const [from, host] of [
    [client, HOSTS[0]],
    [pod, 'fd09::1'],
    [pod, '10.9.0.1'],
  ] as const)
    t.ok(pings(from, host), host)
  for (const host of HOSTS) {
    const before = bench.queued()
    const echo = echoes(host)
    await until('all came back', () => echo.output().includes('done'))
    await until('counters', () => bench.queued() - before >= 256)
    t.ok(bench.queued() - before < 400, `of 2000 datagrams ${bench.queued() - before} were queued`)
  }
})

t.test("a mark of the pod's own opens nothing", async (t) => {
  for (const host of ['10.9.0.1', 'fd09::1']) {
    const before = bench.queued()
    t.ok(pings(pod, '-c5', '-i0.05', '-m', String(1 << 24), host), host)
    // ICMP is never settled: ten packets, unless the mark got into the connection's.
    await until('each came here', () => bench.queued() - before >= 10)
  }
})

t.test('what L4 denies falls at the SYN, and what has begun ends at both ends', async (t) => {
  const dripping = drip(client, '10.9.0.2')
  const printed = server().length
  await until('connected', () => dripping.output().includes('connected'))
  const before = bench.queued()
  await until('it drips', () => dripping.output().split('drop').length > 30)
  t.ok(bench.queued() - before < 15, 'it passes unseen')
  await bench.setPolicy(2, block(2, DENY_ALL))
  await until('the client is told', () => dripping.output().includes('ECONNRESET'))
  await until('the server is told', () => server().slice(printed).includes('ECONNRESET'))
  for (const host of HOSTS) t.equal((await transfer(host, 10)).error, 'ECONNREFUSED', host)
  for (const host of ['10.9.0.1', 'fd09::1']) {
    const outbound = drip(pod, host)
    await until('refused', () => outbound.output().includes('ECONNREFUSED'))
  }
  await until('each was seen again', () => Number(counters().injected_seen_again) > 0)
  t.match(counters(), { raw_send_failed: 0 })
})

/** Of the pod's lo; the table does not know them for its own. */
const UNKNOWN_OWN = ['198.51.100.9', '2001:db8::9'] as const

t.test('payload is held until the judge has spoken', async (t) => {
  pod.ip(`address add ${UNKNOWN_OWN[0]}/32 dev lo`)
  pod.ip(`address add ${UNKNOWN_OWN[1]}/128 dev lo nodad`)
  await bench.setPolicy(3, block(3, ONLY_GET))
  const held: boolean[] = []
  listener = (event) => {
    if (event.ev !== 'octets' || event.dir !== 'orig') return
    held.push(event.held)
    const { flow, at, octets } = event
    // In odd pieces, so that packets are cut and sent anew.
    const upTo = at + Math.max(1, octets.length - 700)
    const to = { flow, generation: 3, rule: 16 } as const
    engine.send([{ cmd: 'release', ...to, dir: 'orig', upTo }])
    if (at > 200_000) engine.send([{ cmd: 'settle', ...to, verdict: 'allow' }])
    else
      setTimeout(
        () => engine.send([{ cmd: 'release', ...to, dir: 'orig', upTo: at + octets.length }]),
        5,
      )
  }
  for (const [send, host] of [
    [transfer, HOSTS[0]],
    [transfer, HOSTS[1]],
    [bench.transferWithin, UNKNOWN_OWN[0]],
    [bench.transferWithin, UNKNOWN_OWN[1]],
  ] as const) {
    held.length = 0
    const { answer, sent, error } = await send(host, 3_000_000)
    t.same({ answer, error }, { answer: sent, error: null }, host)
    t.equal(held[0], true, `${host}: held`)
  }
  for (const host of ['127.0.0.1', '::1']) {
    held.length = 0
    const { answer, sent } = await bench.transferWithin(host, 300_000)
    t.equal(answer, sent, host)
    t.same(held, [], `${host}: a pod to itself is not judged`)
  }
  await until('each has ended', () => server().split('closed 3000000').length === 5)
  await until('cut packets were sent anew', () => Number(counters().injected) > 20)
  t.match(counters(), { raw_send_failed: 0, contradiction: 0 })
})

t.test('no octet of what is denied arrives', async (t) => {
  const printed = server().length
  listener = (event) => {
    if (event.ev !== 'octets' || event.at > 0) return
    const to = { flow: event.flow, generation: 3, rule: 16 } as const
    engine.send([{ cmd: 'deny', ...to, dir: 'orig', from: 0, answer: 'reset', then: 'close' }])
  }
  for (const host of HOSTS) {
    const { answer, error } = await transfer(host, 5000)
    t.same({ answer, error }, { answer: '', error: 'ECONNRESET' }, host)
  }
  const news = () => server().slice(printed)
  await until('the server is told', () => news().split('closed 0').length === 3)
  t.notMatch(news(), /closed [1-9]/)
})

t.test('nobody has the queue', async (t) => {
  await t.rejects(bench.openQueue(), { code: 'EPERM' }, 'a queue has one owner')
  await engine.setPolicy(block(4))
  t.ok(pings(client, '10.9.0.2'))
  await engine.closeQueue(POD)
  t.notOk(pings(client, '10.9.0.2'), 'closed')
  bench.rules({ generation: 4, bypass: true })
  t.ok(pings(client, '10.9.0.2'), 'open')
  // Rules that are replaced as a whole take what waits with them (nf_queue_nf_hook_drop): a verdict
  // may come too late, so queue_errors says nothing here.
  t.match(counters(), { queue_overflow: 0 })
  await until('no packet is left without a verdict', () => {
    const { queue_packets, queue_accepted, queue_dropped } = counters()
    return queue_packets === Number(queue_accepted) + Number(queue_dropped)
  })
})

/** A thousand datagrams to the pod, each sent when the one before has come back. */
function echoes(host: string) {
  const script = (body: string) =>
    `const socket = require('node:dgram').createSocket('udp6'); let count = 0; ${body}`
  const server = pod.spawn(process.execPath, [
    '-e',
    script(`socket.on('message', (data, { port, address }) => socket.send(data, port, address))
      socket.bind(9000, '::', () => console.log('ready'))`),
  ])
  t.teardown(() => server.kill())
  let output = ''
  const to = host.includes(':') ? host : `::ffff:${host}`
  server.stdout.once('data', () => {
    const sender = client.spawn(process.execPath, [
      '-e',
      script(`const send = () => socket.send('x', 9000, '${to}')
        socket.on('message', () => ++count < 1000 ? send() : (console.log('done'), process.exit()))
        send()`),
    ])
    t.teardown(() => sender.kill())
    sender.stdout.on('data', (data) => {
      server.kill()
      output += data
    })
  })
  return { output: () => output }
}

/** A connection that never rests. */
function drip(from: Netns, host: string) {
  const child = from.spawn(process.execPath, [
    '-e',
    `const socket = require('node:net').connect(8080, '${host}', () => {
       console.log('connected')
       setInterval(() => socket.write('drop', () => console.log('drop')), 20)
     })
     socket.on('error', ({ code }) => { console.log(code); process.exit() })`,
  ])
  t.teardown(() => child.kill())
  let output = ''
  child.stdout.on('data', (data) => {
    output += data
  })
  return { output: () => output }
}
