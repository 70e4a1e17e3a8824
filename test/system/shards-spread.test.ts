/** Two shards on one device: what each has, what they hand over, what they sum up to. */
import t from 'tap'
import { until } from '../process.js'
import { rules, shardsBench } from './shards-bench.js'

t.setTimeout(180_000)

const bench = await shardsBench(t, 2)
const { engine, shards, client } = bench

/** Prints what came back to each of so many sockets, which ask again where nothing comes: it is UDP. */
const ASK = `
  const [port, count, octets] = process.argv.slice(1).map(Number)
  const ask = () => new Promise((resolve) => {
    const socket = require('node:dgram').createSocket('udp4')
    const done = (what) => { clearTimeout(late); clearInterval(again); socket.close(); resolve(what) }
    socket.on('message', (m) => done(String(m))).on('error', ({ code }) => done(code))
    const send = () => socket.send(Buffer.alloc(octets))
    const again = setInterval(send, 2_000)
    socket.connect(port, '10.9.0.2', send)
    const late = setTimeout(() => done('nothing'), 10_000)
  })
  Promise.all(Array.from({ length: count }, ask)).then((all) => console.log(all.join()))`

function ask(port: number, count: number, octets: number): Promise<string[]> {
  const child = client.spawn(process.execPath, ['-e', ASK, ...[port, count, octets].map(String)])
  t.teardown(() => child.kill())
  let output = ''
  child.stdout.on('data', (data) => {
    output += data
  })
  return new Promise((resolve) => child.on('close', () => resolve(output.trim().split(','))))
}

const counter = (name: string): number => engine.counters()[name] ?? 0

t.test('flows are on both, each whole on one', async (t) => {
  await until('flows', () => bench.heard.length > 60)
  t.equal(bench.heard.filter(({ what }) => what === 'cut').length, 0)
  await until('both', () => engine.flowsByShard().every((flows) => flows > 0))
  t.equal(counter('relayed'), 0, 'plain TCP comes where it belongs')
  t.equal(counter('midstream_denied'), 0)
  const list = await shards.list({ state: 'all', limit: 1000, follow: '0' })
  t.equal(new Set(list.map(({ flow }) => flow)).size, list.length)
  for (const view of list.slice(0, 20)) t.equal((await shards.find(view.flow))?.flow, view.flow)
  await until('sums agree', async () => {
    const { reports } = await shards.counts()
    return reports.opened >= list.length && reports.opened <= counter('flows_opened')
  })
})

t.test('ICMP errors are handed to the flows that they are about', async (t) => {
  const before = counter('relayed')
  bench.pod.exec('sysctl', ['-qw', 'net.ipv4.icmp_ratelimit=0'])
  const answers = await ask(90, 32, 100)
  t.same(new Set(answers), new Set(['ECONNREFUSED']))
  await until('handed over', () => counter('relayed') > before)
  t.equal(counter('relay_lost'), 0)
})

t.test('fragments are handed over when they are whole', async (t) => {
  const before = { relayed: counter('relayed'), opened: counter('flows_opened') }
  const answers = await ask(91, 32, 4000)
  t.same(new Set(answers), new Set(['4000']))
  await until('handed over', () => counter('relayed') >= before.relayed + 3)
  const list = await shards.list({ state: 'all', limit: 1000, follow: '0' })
  const asked = list.filter(({ destinationPort }) => destinationPort === 91)
  t.equal(asked.length, 32, 'each is one flow, with its unfragmented answer')
})

t.test('policy is in force when both have it', async (t) => {
  const generation = 7
  await engine.setPolicy(rules(generation).l4Block)
  await shards.setPolicy(rules(generation))
  const live = await shards.list({ state: 'live', limit: 1000, follow: '0' })
  t.ok(live.length > 0)
  for (const { decision } of live) t.equal(decision.generation, generation)
})
