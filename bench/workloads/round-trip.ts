/**
 * sockperf: some octets there and back, one message at a time, over one TCP connection. What a round trip takes depends first
 * on whether the two ends share a CPU, and on whether the other CPU sleeps, so each case has its own row.
 */
import { availableParallelism } from 'node:os'
import { withCpusAwake } from '../awake.js'
import type { Link } from '../bed.js'
import { dpdPid } from '../daemon.js'
import { ROUND_TRIP_ROWS } from '../goals.js'
import { isJudged, PORTS } from '../paths.js'
import { cpuNs } from '../processes.js'
import { PINNED_CPU } from '../servers.js'
import type { Figures, PathWorkload } from './workload.js'

const NS_PER_MS = 1e6

const p99 = (row: string): string => row.replace('p50', 'p99')
/** The engine looks for the next frame before it sleeps: what that takes stands beside what it gives. */
const ofDpd = (row: string): string => row.replace('p50', 'dpd')

function percentile(report: string, rank: string): number {
  const micros = new RegExp(`percentile ${rank} = +([\\d.]+)`).exec(report)?.[1]
  if (micros === undefined) throw new Error(`sockperf: ${report.trim().split('\n').at(-1)}`)
  return Number(micros)
}

interface PingPong {
  readonly row: string
  readonly port: number
  /** Null: wherever the scheduler puts it. */
  readonly clientCpu: number | null
}

/** sockperf leaves out 400 ms at the start and 50 ms at the end. */
async function pingPong(
  { client, server }: Link,
  seconds: number,
  { row, port, clientCpu }: PingPong,
): Promise<Figures> {
  const pinned = clientCpu === null ? [] : ['taskset', '-c', String(clientCpu)]
  const how = ['ping-pong', '--tcp', '--full-rtt', '-t', String(seconds)]
  const [command = '', ...args] = [...pinned, 'sockperf', ...how, '-i', server.ip4, '-p', `${port}`]
  const { stdout, stderr } = await client.exec(command, args, { timeoutMs: (seconds + 30) * 1000 })
  const report = stdout + stderr
  return { [row]: percentile(report, '50\\.000'), [p99(row)]: percentile(report, '99\\.000') }
}

/** Beside the figures, how much of a CPU dpd took meanwhile. */
async function withDpdsShare(
  { node, path }: Link,
  row: string,
  measure: () => Promise<Figures>,
): Promise<Figures> {
  if (!isJudged(path)) return measure()
  const pid = dpdPid(node)
  const beforeNs = cpuNs(pid)
  const begin = performance.now()
  const figures = await measure()
  const share = (cpuNs(pid) - beforeNs) / (performance.now() - begin) / NS_PER_MS
  return { ...figures, [ofDpd(row)]: 100 * share }
}

function roundTrip(
  name: string,
  about: string,
  how: PingPong,
  around: <T>(measure: () => Promise<T>) => Promise<T>,
): PathWorkload {
  return {
    name,
    about,
    servers: ['sockperf'],
    metrics: [
      ...[how.row, p99(how.row)].map((row) => ({
        ...({ name: row, unit: 'µs', better: 'less', base: 'plain' } as const),
      })),
      { name: ofDpd(how.row), unit: '% of a CPU', better: 'less', base: null },
    ],
    measure: (link, { seconds }) =>
      around(() => withDpdsShare(link, how.row, () => pingPong(link, seconds, how))),
  }
}

const OTHER_CPU = (PINNED_CPU + 1) % availableParallelism()

export const roundTrips: readonly PathWorkload[] = [
  roundTrip(
    'rr',
    'request and response, CPUs and places as they come',
    { row: ROUND_TRIP_ROWS.free, port: PORTS.echo, clientCpu: null },
    (measure) => measure(),
  ),
  roundTrip(
    'rr-one',
    'the same with both ends pinned to one CPU, and no CPU allowed to sleep',
    { row: ROUND_TRIP_ROWS.oneCpu, port: PORTS.pinnedEcho, clientCpu: PINNED_CPU },
    withCpusAwake,
  ),
  roundTrip(
    'rr-two',
    'the same with each end pinned to a CPU of its own, and no CPU allowed to sleep',
    { row: ROUND_TRIP_ROWS.twoCpus, port: PORTS.pinnedEcho, clientCpu: OTHER_CPU },
    withCpusAwake,
  ),
]
