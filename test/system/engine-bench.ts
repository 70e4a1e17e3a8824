/**
 * Two namespaces with the real engine inline between them. The pod's own MAC is the marker of
 * endpoint 1, so that u32 and mirred alone lead each frame through vth-neuv; the drivers are tested
 * elsewhere.
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { os } from '../../src/intercept/addon.js'
import { type Netns, testNetns, vethPair } from '../netns.js'
import { until } from '../process.js'
import { ShardEngine } from './shard-engine.js'

export const POD = 1
const POD_MAC = '4e:65:75:56:00:01'

export interface Transferred {
  /** What came back: octets and hash as the server has counted them. */
  readonly answer: string
  readonly sent: string
  readonly error: string | null
}

export interface EngineBench {
  readonly engine: ShardEngine
  readonly heartbeat: () => bigint
  /** Sends random octets from the client to the pod's server and half-closes. */
  transfer(host: string, octets: number): Promise<Transferred>
  /** What the server has printed so far. */
  server(): string
}

/** client eth0 - vex | vbr - vth | vin - eth0 pod, with 10.9.0.1, fd09::1 and 10.9.0.2, fd09::2. */
export function wire(t: Test): { client: Netns; pod: Netns; enforcer: Netns } {
  const client = testNetns(t, 'vec')
  const pod = testNetns(t, 'vep')
  const enforcer = testNetns(t, 'vee')
  enforcer.exec('sysctl', ['-qw', 'net.ipv6.conf.default.disable_ipv6=1'])
  vethPair(
    { netns: client, ifName: 'eth0', addresses: ['10.9.0.1/24', 'fd09::1/64'] },
    { netns: enforcer, ifName: 'vex' },
  )
  vethPair(
    { netns: pod, ifName: 'eth0', addresses: ['10.9.0.2/24', 'fd09::2/64'] },
    { netns: enforcer, ifName: 'vin' },
  )
  pod.ip(`link set eth0 address ${POD_MAC}`)
  vethPair({ netns: enforcer, ifName: 'vbr' }, { netns: enforcer, ifName: 'vth' })
  for (const ifName of ['vbr', 'vth']) enforcer.ip(`link set ${ifName} mtu 65535`)
  os.ethtoolFeaturesOff(enforcer.fd, 'vbr', ['tx-udp-segmentation'])
  const tc = (args: string) => enforcer.exec('tc', args.split(' '))
  for (const dev of ['vin', 'vex', 'vbr']) tc(`qdisc add dev ${dev} ingress`)
  const filter = (dev: string, match: string, to: string) =>
    tc(
      `filter add dev ${dev} parent ffff: protocol all u32 ${match} action mirred egress redirect dev ${to}`,
    )
  filter('vin', 'match u32 0 0', 'vbr')
  filter('vex', 'match u32 0 0', 'vbr')
  filter('vbr', 'match u32 0x4e657556 0xffffffff at -8', 'vex')
  filter('vbr', 'match u16 0x4e65 0xffff at -14 match u16 0x7556 0xffff at -12', 'vin')
  for (const [netns, address, mac] of [
    [client, '2', POD_MAC],
    [pod, '1', client.exec('cat', ['/sys/class/net/eth0/address']).trim()],
  ] as const) {
    netns.ip(`neigh replace 10.9.0.${address} lladdr ${mac} dev eth0 nud permanent`)
    netns.ip(`neigh replace fd09::${address} lladdr ${mac} dev eth0 nud permanent`)
  }
  return { client, pod, enforcer }
}

function startEngine(t: Test, enforcer: Netns) {
  const dir = mkdtempSync(join(tmpdir(), 'vteng-'))
  const file = join(dir, 'heartbeat')
  const engine = new ShardEngine({
    netnsFd: enforcer.fd,
    ifName: 'vth',
    // A busy test machine is no reason for a hold to end.
    limits: { holdMs: 60_000 },
    heartbeat: { slot: 0, mapFd: null, file },
    flowMapFd: null,
    key: Buffer.alloc(16, 7),
  })
  t.teardown(async () => {
    await engine.stop()
    rmSync(dir, { recursive: true })
  })
  return { engine, heartbeat: () => readFileSync(file).readBigUInt64LE() }
}

export async function engineBench(t: Test): Promise<EngineBench> {
  const { client, pod, enforcer } = wire(t)
  const { engine, heartbeat } = startEngine(t, enforcer)
  const endpoint = { id: POD, path: 'inline', failure: 'closed' } as const
  await engine.setEndpoint({
    ...{
      ...endpoint,
      strict: false,
      deliverAll: true,
      identifies: false,
      own: null,
      dhcpServers: [],
      epoch: 0,
    },
  })
  engine.start()
  const server = await startServer(t, pod)
  return { engine, heartbeat, server, transfer: startClient(t, client) }
}

const SERVER = `
  const server = require('node:net').createServer({ allowHalfOpen: true }, (socket) => {
    const hash = require('node:crypto').createHash('sha256')
    let octets = 0
    socket.on('error', ({ code }) => console.log(code))
    socket.on('close', () => console.log('closed', octets))
    socket.on('data', (data) => { hash.update(data); octets += data.length })
    socket.on('end', () => socket.end(octets + ' ' + hash.digest('hex')))
  })
  server.listen(8080, '::', () => console.log('ready'))`

/** A line on stdin is `host octets`, one on stdout what came of it. */
const CLIENT = `
  require('node:readline').createInterface(process.stdin).on('line', (line) => {
    const [host, octets] = line.split(' ')
    const body = require('node:crypto').randomBytes(Number(octets))
    const hash = require('node:crypto').createHash('sha256').update(body).digest('hex')
    const socket = require('node:net').connect(8080, host, () => socket.end(body))
    let answer = ''
    let error = null
    socket.on('data', (data) => { answer += data })
    socket.on('error', ({ code }) => { error = code })
    socket.on('close', () =>
      console.log(JSON.stringify({ answer, error, sent: octets + ' ' + hash })))
  })`

export async function startServer(t: Test, pod: Netns): Promise<() => string> {
  const server = pod.spawn(process.execPath, ['-e', SERVER])
  t.teardown(() => server.kill())
  let output = ''
  server.stdout.on('data', (data) => {
    output += data
  })
  await until('server', () => output.includes('ready'))
  return () => output
}

export function startClient(t: Test, netns: Netns) {
  const client = netns.spawn(process.execPath, ['-e', CLIENT])
  t.teardown(() => client.kill())
  const answers: string[] = []
  createInterface(client.stdout).on('line', (line) => answers.push(line))
  return async (host: string, octets: number): Promise<Transferred> => {
    client.stdin.write(`${host} ${octets}\n`)
    const answer = await until('transfer', () => answers.shift())
    return JSON.parse(answer) as Transferred
  }
}
