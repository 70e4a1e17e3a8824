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
import type { RowHead, Sheet } from '../sheet.js'
import { timedAdd } from './add.js'
import type { NodeWorkload } from './workload.js'

const NS_PER_SECOND = 1e9
const OCTETS_PER_MB = 1e6
const OCTETS_PER_KB = 1e3
/** dpd gives memory back 10 s after the last change (src/dpd/leftovers.ts). */
const GIVEN_BACK_MS = 15_000
/** So many times a burst take as long as dpd needs to look at all that is on disk, 10 s (src/dpd/daemon.ts). */
const BURSTS = 3

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

const afterChanges = (): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, GIVEN_BACK_MS))

const head = (name: string, unit: string, base: number | null): RowHead => ({
  ...{ workload: 'endpoints', name, unit, better: 'less' },
  base: base === null ? null : String(base),
})

/** Per cent of a CPU into the sheet; nanoseconds a second for who subtracts them. */
async function measureRest(
  places: readonly Place[],
  sheet: Sheet,
  seconds: number,
): Promise<ReadonlyMap<Place, number>> {
  const row = sheet.open(head('dpd at rest', '% of a CPU', null))
  const restNs = new Map<Place, number>()
  for (const place of places) {
    const ns = await restingNs(dpdPid(place.node), seconds)
    restNs.set(place, ns)
    sheet.put(row, place.count, (100 * ns) / NS_PER_SECOND)
  }
  return restNs
}

async function measureRounds(
  places: readonly Place[],
  restNs: ReadonlyMap<Place, number>,
  sheet: Sheet,
  { datagrams }: Effort,
  rounds: number,
): Promise<void> {
  const base = places[0]?.count ?? null
  const adds = sheet.open(head('ADD among endpoints', 'ms', base))
  const packets = sheet.open(head('packet among endpoints', 'ns', base))
  for (let round = 1; round <= rounds; round++) {
    process.stderr.write(`bench: endpoints: round ${round}/${rounds}\n`)
    for (const { count, node } of places) {
      await sheet.sample(adds, count, () => timedAdd(node, `timed${round}`))
    }
    // A change of endpoints is no packet's cost.
    await afterChanges()
    for (const place of places) {
      const { count, node, client: from, server: to } = place
      const burst = { from, to, datagrams: BURSTS * datagrams, flows: 1 }
      await sheet.sample(packets, count, () =>
        packetCost(burst, dpdPid(node), restNs.get(place) ?? 0),
      )
    }
  }
}

/** Of all of them, and what an endpoint adds, between the fewest and the most. */
function measureMemory(places: readonly Place[], sheet: Sheet): void {
  const resident = sheet.open(head('dpd resident', 'MB', null))
  const each = sheet.open(head('memory per endpoint', 'kB', null))
  const octets = places.map(({ node }) => residentOctets(dpdPid(node)))
  for (const [at, { count }] of places.entries()) {
    sheet.put(resident, count, (octets[at] ?? 0) / OCTETS_PER_MB)
  }
  const [first, last] = [places[0], places.at(-1)]
  if (first === undefined || last === undefined || first === last) return
  const grown = (octets.at(-1) ?? 0) - (octets[0] ?? 0)
  sheet.put(each, last.count, grown / (last.count - first.count) / OCTETS_PER_KB)
}

async function run(sheet: Sheet, effort: Effort, rounds: number): Promise<void> {
  const places: Place[] = []
  try {
    for (const count of effort.endpoints) {
      process.stderr.write(`bench: endpoints: making ${count}\n`)
      places.push(await Place.open(count))
    }
    const restNs = await measureRest(places, sheet, effort.restSeconds)
    await measureRounds(places, restNs, sheet, effort, rounds)
    await afterChanges()
    measureMemory(places, sheet)
  } finally {
    for (const place of places) await place.close()
  }
}

export const endpoints: NodeWorkload = {
  name: 'endpoints',
  about: 'ADD, CPU time of a packet, dpd at rest and its memory with 1, 50 and 500 endpoints',
  run,
}
