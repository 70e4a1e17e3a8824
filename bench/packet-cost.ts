/**
 * CPU time that a packet costs: the sender's, to which the kernel charges the path to the receiver's
 * socket, dpd's, and the kernel's threads for packets. Times on the wall say little about a path that
 * two CPUs share.
 */
import { setTimeout as delay } from 'node:timers/promises'
import * as z from 'zod'
import type { Pod } from '../test/node.js'
import { cpuNs, softirqThreads } from './processes.js'

/** Each with a socket that nobody reads. */
export const SINK_PORTS = Array.from({ length: 16 }, (_, at) => 7000 + at)
/** Source ports of one sender, from the first. */
export const SOURCE_PORTS = 50_000
const FIRST_SOURCE_PORT = 10_000
const PACKETS_PER_SECOND = 50_000
/** Each is a story for dpd: opened, judged, told. */
export const NEW_FLOWS_PER_SECOND = 10_000

/** Between two rests of the sender. */
const BATCH = 250

const SINK = `
import signal, socket
def sink(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048); s.bind(('0.0.0.0', port)); return s
sinks = [sink(p) for p in (${SINK_PORTS.join(',')})]
signal.pause()
`

/**
 * Datagrams of one octet, their flows in turn: flow n has source port n modulo ${SOURCE_PORTS}, and the next sink
 * beyond. Written whole, since a socket each would be the measurement.
 */
const SENDER = `
import resource, socket, struct, sys, time
to, (first, flows, n, rate) = sys.argv[1], map(int, sys.argv[2:])
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 29, 0, 0, 64, 17, 0, bytes(4), socket.inet_aton(to))
def datagram(flow):
    source, sink = ${FIRST_SOURCE_PORT} + flow % ${SOURCE_PORTS}, ${SINK_PORTS[0]} + flow // ${SOURCE_PORTS} % ${SINK_PORTS.length}
    return head + struct.pack('!HHHHB', source, sink, 9, 0, 1)
datagrams = [datagram(first + i) for i in range(flows)]
def used():
    u = resource.getrusage(resource.RUSAGE_SELF); return u.ru_utime + u.ru_stime
a = used()
for i in range(n):
    s.sendto(datagrams[i % flows], (to, 0))
    if i % ${BATCH} == ${BATCH} - 1: time.sleep(${BATCH} / rate)
print(int((used() - a) * 1e9))
`

export async function serveSinks(pod: Pod, dir: string): Promise<void> {
  pod.serve('python3', ['-c', SINK], `${dir}/sinks-${pod.name}.log`)
  await pod.listening(SINK_PORTS.at(-1) ?? 0, 'udp')
}

export interface Burst {
  readonly from: Pod
  readonly to: Pod
  readonly datagrams: number
  readonly flows: number
  /** Another one, and all flows are new. */
  readonly firstFlow?: number
  /** At most, for dpd is not to be overrun. */
  readonly perSecond?: number
}

/** Sends it, and says what the sender used. */
export async function send(burst: Burst): Promise<number> {
  const { from, to, datagrams, flows, firstFlow = 0, perSecond = PACKETS_PER_SECOND } = burst
  const numbers = [firstFlow, flows, datagrams, perSecond].map(String)
  const { stdout, stderr } = await from.exec('python3', ['-c', SENDER, to.ip4, ...numbers], {
    timeoutMs: 180_000,
  })
  if (stdout === '') throw new Error(`sender: ${stderr}`)
  return z.coerce.number().parse(stdout.trim())
}

/** What dpd uses anyway, in nanoseconds a second. */
export async function restingNs(pid: number, seconds: number): Promise<number> {
  const before = cpuNs(pid)
  await delay(seconds * 1000)
  return (cpuNs(pid) - before) / seconds
}

/** What does not arrive costs little: a path that loses more than this is not measured, it is broken. */
const MUST_ARRIVE = 0.95

/** Datagrams that reached a full sink; udp(7): none is counted as received before it is read. */
async function arrived(pod: Pod): Promise<number> {
  const { stdout } = await pod.exec('cat', ['/proc/net/snmp'])
  const [names = '', values = ''] = stdout.split('\n').filter((line) => line.startsWith('Udp: '))
  return Number(values.split(' ')[names.split(' ').indexOf('RcvbufErrors')])
}

/** Nanoseconds a packet, without what dpd uses at rest. */
export async function packetCost(burst: Burst, dpd: number, atRestNs: number): Promise<number> {
  const others = [dpd, ...softirqThreads()]
  const used = (): number => others.map(cpuNs).reduce((sum, ns) => sum + ns, 0)
  const arrivedBefore = await arrived(burst.to)
  const before = used()
  const started = performance.now()
  const sender = await send(burst)
  const tookSeconds = (performance.now() - started) / 1000
  const dpdNs = used() - before - atRestNs * tookSeconds
  const share = ((await arrived(burst.to)) - arrivedBefore) / burst.datagrams
  if (!(share >= MUST_ARRIVE))
    throw new Error(`${(100 * share).toFixed(1)} % of the datagrams arrived`)
  return (sender + dpdNs) / burst.datagrams
}
