/** One measurement between two pods each; the server runs as long as the node. */
import { exec, type Pod } from '../test/node.js'
import { quantile } from './statistics.js'

const IPERF_PORT = 5201
const ECHO_PORT = 5300
const IPERF_SECONDS = 2
const ROUND_TRIPS = 4000

/** A one-octet echo server and its client: node's own sockets would measure node. */
const ECHO_SERVER = `
import socket, threading
def serve(c):
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        d = c.recv(64)
        if not d: break
        c.sendall(d)
s = socket.create_server(('::', ${ECHO_PORT}), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
`
const ECHO_CLIENT = `
import socket, sys, time
c = socket.create_connection((sys.argv[1], ${ECHO_PORT}), 5)
c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for i in range(200):
    c.sendall(b'x'); c.recv(64)
t = []
for i in range(${ROUND_TRIPS}):
    a = time.perf_counter_ns(); c.sendall(b'x'); c.recv(64); t.append(time.perf_counter_ns() - a)
print(' '.join(map(str, t)))
`

export async function serve(pod: Pod, dir: string): Promise<void> {
  pod.serve('iperf3', ['-s', '-p', String(IPERF_PORT)], `${dir}/iperf-${pod.name}.log`)
  pod.serve('python3', ['-c', ECHO_SERVER], `${dir}/echo-${pod.name}.log`)
  await pod.listening(IPERF_PORT)
  await pod.listening(ECHO_PORT)
}

/** Received Gbit/s of a TCP transfer. */
export async function throughput(from: Pod, to: Pod, streams: number): Promise<number> {
  const args = [
    '-c',
    to.ip4,
    '-p',
    String(IPERF_PORT),
    '-t',
    String(IPERF_SECONDS),
    '-P',
    String(streams),
    '-J',
  ]
  const { stdout, stderr } = await from.exec('iperf3', args, { timeoutMs: 30_000 })
  const report = JSON.parse(stdout) as {
    error?: string
    end?: { sum_received?: { bits_per_second: number } }
  }
  const bits = report.end?.sum_received?.bits_per_second
  if (bits === undefined) throw new Error(`iperf3: ${report.error ?? stderr}`)
  return bits / 1e9
}

export interface RoundTrip {
  readonly p50Us: number
  readonly p99Us: number
}

export async function requestResponse(from: Pod, to: Pod): Promise<RoundTrip> {
  const { stdout, stderr } = await from.exec('python3', ['-c', ECHO_CLIENT, to.ip4], {
    timeoutMs: 60_000,
  })
  const micros = stdout
    .trim()
    .split(' ')
    .map((ns) => Number(ns) / 1000)
  if (micros.length !== ROUND_TRIPS) throw new Error(`round trips: ${stderr}`)
  return { p50Us: quantile(micros, 0.5), p99Us: quantile(micros, 0.99) }
}

/** Wall milliseconds of `node -e 0`, the floor of any program in Node. */
export async function bareNode(): Promise<number> {
  const started = performance.now()
  await exec(process.execPath, ['-e', '0'])
  return performance.now() - started
}
