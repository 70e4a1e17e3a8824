/**
 * What interception costs, as ratios to a plain veth pair behind the same bridge plugin in the same
 * run: rounds interleaved, medians with their range, machine and kernel named, kept as JSON.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { join } from 'node:path'
import { Node, type Pod } from '../test/node.js'
import { root } from '../test/root.js'
import { addRounds } from './add.js'
import { scaleRounds } from './scale.js'
import { median, ratios, spread } from './statistics.js'
import { requestResponse, serve, throughput } from './workloads.js'

const ROUNDS = Number(process.argv[2] ?? 5)
/** `scale` alone takes some minutes. */
const ONLY_SCALE = process.argv[3] === 'scale'
/** Every octet of every flow goes through the engine to JavaScript in `inline`. */
const PATHS = ['plain', 'direct', 'tap', 'inline'] as const
type PathName = (typeof PATHS)[number]
const WORKLOADS = [
  'TCP 1 stream Gbit/s',
  'TCP 4 streams Gbit/s',
  'RTT p50 us',
  'RTT p99 us',
] as const
type Workload = (typeof WORKLOADS)[number]

const MODES: Readonly<Record<Exclude<PathName, 'plain' | 'direct'>, string>> = {
  tap: 'monitor',
  inline: 'protect',
}

const policyOf = (mode: string): string => `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: bench, namespace: default }
spec:
  podSelector: { matchLabels: { app: server } }
  mode: ${mode}
  ingress: [{ name: all, from: [{ ipBlock: { cidr: 0.0.0.0/0 } }, { ipBlock: { cidr: '::/0' } }] }]
`

interface Bed {
  readonly node: Node
  readonly client: Pod
  readonly server: Pod
}

/** Only the server is intercepted, by the path that its policy asks for; direct = without dpd. */
async function bed(path: PathName): Promise<Bed> {
  const node = new Node({
    name: `vwb${path}${process.pid}`,
    plain: path === 'plain',
    dpdConfig: 'inspection: { content: [default/server] }\n',
  })
  try {
    return await furnish(node, path)
  } catch (error) {
    await node.close()
    throw error
  }
}

async function furnish(node: Node, path: PathName): Promise<Bed> {
  writeFileSync(
    join(node.endpointsDir, 'bench.yaml'),
    'pods: [{ namespace: default, name: server, labels: { app: server } }]\n',
  )
  if (path === 'tap' || path === 'inline') {
    writeFileSync(join(node.policyDir, 'bench.yaml'), policyOf(MODES[path]))
    await node.startDpd()
  }
  const server = await node.addPod('server')
  const client = await node.addPlainPod('client')
  await serve(server, node.dir)
  return { node, client, server }
}

type Samples = Record<Workload, number[]>
const noSamples = (): Samples => ({
  'TCP 1 stream Gbit/s': [],
  'TCP 4 streams Gbit/s': [],
  'RTT p50 us': [],
  'RTT p99 us': [],
})

async function measure({ client, server }: Bed, into: Samples): Promise<void> {
  into['TCP 1 stream Gbit/s'].push(await throughput(client, server, 1))
  into['TCP 4 streams Gbit/s'].push(await throughput(client, server, 4))
  const trip = await requestResponse(client, server)
  into['RTT p50 us'].push(trip.p50Us)
  into['RTT p99 us'].push(trip.p99Us)
}

function row(cells: readonly string[]): string {
  return cells.map((cell, at) => (at === 0 ? cell.padEnd(9) : cell.padStart(26))).join('')
}

function printTable(samples: Readonly<Record<PathName, Samples>>): void {
  console.log(row(['path', ...WORKLOADS]))
  for (const path of PATHS) {
    const cells = WORKLOADS.map((workload) => {
      const { median: middle, min, max } = spread(samples[path][workload])
      const ratio = median(ratios(samples[path][workload], samples.plain[workload]))
      const digits = middle < 100 ? 2 : 0
      return `${middle.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)}) ${ratio.toFixed(2)}x`
    })
    console.log(row([path, ...cells]))
  }
}

function machine(): Record<string, unknown> {
  const memory = /MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryKiB: Number(memory),
    kernel: release(),
    node: process.version,
    commit: execFileSync('git', ['-C', root, 'rev-parse', '--short', 'HEAD'], {
      encoding: 'utf8',
    }).trim(),
  }
}

async function pathRounds(): Promise<Record<PathName, Samples>> {
  const beds = new Map<PathName, Bed>()
  const samples = { plain: noSamples(), direct: noSamples(), tap: noSamples(), inline: noSamples() }
  try {
    for (const path of PATHS) beds.set(path, await bed(path))
    for (let round = 1; round <= ROUNDS; round++) {
      for (const [path, place] of beds) {
        process.stderr.write(`bench: round ${round}/${ROUNDS} ${path}\n`)
        await measure(place, samples[path])
      }
    }
    printTable(samples)
  } finally {
    for (const place of beds.values()) await place.node.close()
  }
  return samples
}

function keep(result: Record<string, unknown>, name: string): void {
  mkdirSync(join(root, 'bench', 'results'), { recursive: true })
  const day = new Date().toISOString().slice(0, 10)
  const file = join(root, 'bench', 'results', `${day}-${name}.json`)
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)
  console.log(`kept in ${file.slice(root.length + 1)}`)
}

async function main(): Promise<void> {
  const about = machine()
  console.log(
    Object.entries(about)
      .map(([key, value]) => `${key}: ${value}`)
      .join(', '),
  )
  if (ONLY_SCALE) return keep({ ...about, scale: await scaleRounds() }, `${about.commit}-scale`)
  const samples = await pathRounds()
  const add = await addRounds(ROUNDS * 4)
  keep({ ...about, rounds: ROUNDS, samples, add, scale: await scaleRounds() }, `${about.commit}`)
}

await main()
