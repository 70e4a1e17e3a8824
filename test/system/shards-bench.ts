/** Engine and judges of a daemon between two namespaces, over `engine-bench.ts`'s wires. */
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import type { CompiledPolicy } from '../../src/core/policy/compiled.js'
import { openInspection } from '../../src/dpd/inspection.js'
import { compiled, policy, setOf, WEB } from '../core/policy/fixture.js'
import type { Netns } from '../netns.js'
import { until } from '../process.js'
import { POD, wire } from './engine-bench.js'

/** 80: judged by request; 81: decided at its SYN; UDP 91: says how much it got. */
const SERVER = `
  const net = require('node:net')
  const answer = 'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok'
  const quiet = (socket) => socket.on('error', () => {})
  const udp = require('node:dgram').createSocket('udp4')
  udp.on('message', (m, from) => udp.send(String(m.length), from.port, from.address)).bind(91)
  net.createServer((s) => quiet(s).on('data', () => s.end(answer))).listen(80, '::')
  net.createServer((s) => quiet(s).on('data', (d) => s.write(d))).listen(81, '::', () => console.log('ready'))`

/** Prints the time of each answer: \`echo\` over one connection, \`get\` over ever new ones. */
const CLIENT = `
  const net = require('node:net')
  const told = (what) => console.log(what, Date.now())
  const echo = net.connect(81, '10.9.0.2', () => echo.write('x'))
  echo.on('data', () => { told('echo'); setTimeout(() => echo.write('x'), 5) })
  echo.on('error', ({ code }) => told(code))
  const get = () => {
    let text = ''
    const socket = net.connect(80, '10.9.0.2', () => socket.write('GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'))
    socket.on('data', (data) => { text += data })
    socket.on('error', () => {})
    socket.on('close', () => { told(text.endsWith('ok') ? 'get' : 'cut'); setTimeout(get, 5) })
  }
  get()
  require('node:readline').createInterface(process.stdin).on('line', (line) => {
    const socket = net.connect(80, '10.9.0.2', () => socket.write(line))
    socket.on('error', () => {})
    socket.on('close', () => told('closed'))
  })`

const RULES =
  'podSelector: {}\nmode: protect\ningress: [{ports: [{port: 80}], http: [{methods: [GET]}]}, {ports: [{port: 81}, {port: 90, protocol: UDP}, {port: 91, protocol: UDP}]}]'

export function rules(generation: number): CompiledPolicy {
  const pod = { ...WEB, id: POD, addresses: ['10.9.0.2/24', 'fd09::2/64'] }
  return compiled(setOf(policy('web', RULES)), { generation, endpoints: [pod] })
}

export async function shardsBench(t: Test, count = 1) {
  const { client, pod, enforcer } = wire(t)
  const lines: string[] = []
  const log: string[] = []
  const given: Error[] = []
  const { engine, shards } = openInspection({
    ...{ count, netnsFd: enforcer.fd },
    ifName: 'vth',
    heartbeat: { slot: 0, mapFd: null, file: null },
    tunnels: {},
    flowMapFd: null,
    file: new URL('./shards-worker.js', import.meta.url),
    eventsPerSecond: 100_000,
    events: { writeLines: (text) => void lines.push(...(text.match(/.+\n/g) ?? [])) },
    learning: { learn: () => undefined },
    spoofs: { add: () => undefined },
    names: { forget: () => undefined },
    nameGraceMs: 60_000,
    warn: (message) => void log.push(message),
    giveUp: (error) => void given.push(error),
    lookMs: 100,
  })
  t.teardown(async () => {
    await engine.stop()
    await shards.stop()
  })
  const who = { id: POD, failure: 'closed' } as const
  await shards.setEndpoints([
    {
      ...{ ...who, namespace: 'shop', pod: 'web-1', ifName: 'eth0', mode: 'protect' },
      ...{ enforced: true, depth: 'rules' },
    },
  ])
  await engine.setEndpoint({
    ...{
      ...who,
      path: 'inline',
      strict: false,
      deliverAll: false,
      identifies: false,
      own: null,
      dhcpServers: [],
    },
    epoch: 0,
  })
  await engine.setPolicy(rules(1).l4Block)
  await shards.setPolicy(rules(1))
  engine.start()
  await start(t, pod, SERVER, (line) => line === 'ready')
  const heard: { readonly what: string; readonly atMs: number }[] = []
  const child = await start(t, client, CLIENT, (line) => {
    const [what = '', at = ''] = line.split(' ')
    heard.push({ what, atMs: Number(at) })
    return what === 'get'
  })
  return {
    ...{ engine, shards, lines, log, given, client, pod, heard },
    send: (octets: string) => void child.stdin.write(`${octets}\n`),
    between: (what: string, fromMs: number, toMs: number) =>
      heard.filter((one) => one.what === what && one.atMs > fromMs && one.atMs < toMs).length,
  }
}

async function start(t: Test, netns: Netns, script: string, isReady: (line: string) => boolean) {
  const child = netns.spawn(process.execPath, ['-e', script])
  t.teardown(() => child.kill())
  let ready = false
  createInterface(child.stdout).on('line', (line) => {
    if (isReady(line)) ready = true
  })
  await until('ready', () => ready)
  return child
}
