/**
 * Whether what an endpoint costs depends on how many others there are: ADD, one pod's packets, dpd at
 * rest and its memory with 1, 50 and 500 of them, on a node each.
 */
import { Node, type Pod, until } from '../../test/node.js'
import type { Effort } from '../arguments.js'
import { Crowd } from '../crowd.js'
import { dpdPid } from '../daemon.js'
import { packetCost, restingNs, serveSinks } from '../packet-cost.js'
import { residentOctets } from '../processes.js'
import type { OpenRow, Row } from '../result.js'
import { timedAdd } from './add.js'
import type { NodeWorkload } from './workload.js'

const NS_PER_SECOND = 1e9
const OCTETS_PER_MB = 1e6

class Place {
  private constructor(
    readonly count: number,
    readonly node: Node,
    readonly crowd: Crowd,
    readonly client: Pod,
    readonly server: Pod,
  ) {}

  /** The client is one of the endpoints, in discover; the server is nobody's. */
  static async open(count: number): Promise<Place> {
    const node = new Node({ name: `vwe${count}x${process.pid}` })
    try {
      await node.startDpd()
      const server = await node.addPlainPod('server')
      await serveSinks(server, node.dir)
      const client = await node.addPod('client')
      const place = new Place(count, node, new Crowd(node), client, server)
      place.crowd.grow(count - 1)
      await place.#known()
      return place
    } catch (error) {
      await node.close()
      throw error
    }
  }

  async #known(): Promise<void> {
    this.node.dpd?.kill('SIGHUP')
    await until(
      `${this.count} endpoints`,
      async () => {
        const status = (await this.node.api('/v1/status')) as { endpoints?: number } | null
        return (status?.endpoints ?? 0) >= this.count
      },
      120_000,
    )
  }

  async close(): Promise<void> {
    try {
      this.crowd.close()
    } finally {
      await this.node.close()
    }
  }
}

const open = (name: string, unit: string, base: string | null): OpenRow => ({
  ...{ workload: 'endpoints', name, unit, better: 'less', base, series: {} },
})

class Rows {
  readonly add: OpenRow
  readonly packet: OpenRow
  readonly rest = open('dpd at rest', '% of a CPU', null)
  readonly resident = open('dpd resident', 'MB', null)
  readonly memory = open('memory per endpoint', 'kB', null)

  constructor(base: string) {
    this.add = open('ADD among endpoints', 'ms', base)
    this.packet = open('packet among endpoints', 'ns', base)
  }

  static put(row: OpenRow, count: number, value: number): void {
    const samples = row.series[count] ?? []
    samples.push(value)
    row.series[count] = samples
  }

  all(): Row[] {
    return [this.add, this.packet, this.rest, this.resident, this.memory]
  }
}

async function measure(places: readonly Place[], effort: Effort, rounds: number): Promise<Rows> {
  const rows = new Rows(String(places[0]?.count))
  const restNs = new Map<Place, number>()
  for (const place of places) {
    const ns = await restingNs(dpdPid(place.node), effort.restSeconds)
    restNs.set(place, ns)
    Rows.put(rows.rest, place.count, (100 * ns) / NS_PER_SECOND)
  }
  const { datagrams } = effort
  for (let round = 0; round < rounds; round++) {
    process.stderr.write(`bench: endpoints: round ${round + 1}/${rounds}\n`)
    for (const place of places) {
      const { count, node, client: from, server: to } = place
      Rows.put(rows.add, count, await timedAdd(node, `timed${round}`))
      const burst = { from, to, datagrams, flows: 1 }
      const cost = await packetCost(burst, dpdPid(node), restNs.get(place) ?? 0)
      Rows.put(rows.packet, count, cost)
    }
  }
  for (const { count, node } of places) {
    Rows.put(rows.resident, count, residentOctets(dpdPid(node)) / OCTETS_PER_MB)
  }
  return rows
}

/** Between the fewest and the most. */
function putMemory({ resident, memory }: Rows, counts: readonly number[]): void {
  const [least = 0, most = 0] = [Math.min(...counts), Math.max(...counts)]
  const grownMb = (resident.series[most]?.[0] ?? 0) - (resident.series[least]?.[0] ?? 0)
  if (most > least) Rows.put(memory, most, (grownMb * 1000) / (most - least))
}

async function run(effort: Effort, rounds: number): Promise<readonly Row[]> {
  const places: Place[] = []
  try {
    for (const count of effort.endpoints) {
      process.stderr.write(`bench: endpoints: making ${count}\n`)
      places.push(await Place.open(count))
    }
    const rows = await measure(places, effort, rounds)
    putMemory(rows, effort.endpoints)
    return rows.all()
  } finally {
    for (const place of places) await place.close()
  }
}

export const endpoints: NodeWorkload = {
  name: 'endpoints',
  about: 'ADD, CPU time of a packet, dpd at rest and its memory with 1, 50 and 500 endpoints',
  run,
}
