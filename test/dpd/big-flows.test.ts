import t from 'tap'
import type { BigEvent, EngineCommand, EngineEvent } from '../../src/core/inspect/contract.js'
import { BigFlows } from '../../src/dpd/big-flows.js'
import type { Endpoint } from '../../src/dpd/endpoints.js'
import type { CarriedCounts } from '../../src/intercept/tc/carried-flows.js'
import type { CarriedFlow } from '../../src/intercept/tc/carried-nodes.js'
import { RECORD } from './record.js'

const EPOCH = 7
const MIB = 2 ** 20

/** A kernel with `room` slots for each endpoint. */
class World {
  room = 3
  nowMs = 0
  fails = false
  readonly slots = new Map<number, CarriedFlow>()
  readonly #counts = new Map<number, CarriedCounts>()
  readonly sent: EngineCommand[] = []
  readonly warned: string[] = []
  readonly endpoint = {
    record: { ...RECORD, id: 1, driver: 'tc' },
    epoch: EPOCH,
  } as unknown as Endpoint
  readonly big = new BigFlows({
    carried: {
      carry: (_enforcer, _record, flow) => {
        if (this.fails) throw new Error('EIO')
        const slots = Array.from({ length: this.room }, (_, at) => at + 1)
        const slot = slots.find((one) => !this.slots.has(one)) ?? null
        if (slot !== null) this.slots.set(slot, flow)
        return slot
      },
      counts: () => new Map([...this.slots.keys()].map((slot) => [slot, this.countsOf(slot)])),
      release: (_enforcer, _record, slots) => {
        if (this.fails) throw new Error('EIO')
        for (const slot of slots) this.slots.delete(slot)
      },
    },
    enforcer: { netnsFd: -1, netlinkFd: -1 },
    endpoints: { all: () => [this.endpoint] },
    send: (commands) => void this.sent.push(...commands),
    nowMs: () => this.nowMs,
    warn: (message) => void this.warned.push(message),
  })

  /** Flows whose SYN may pass again, since asked last. */
  recalled(): number[] {
    return this.sent.splice(0).map(({ flow }) => flow)
  }

  countsOf(slot: number): CarriedCounts {
    return this.#counts.get(slot) ?? { packets: 0, octets: 0 }
  }

  move(slot: number, octets: number): void {
    const before = this.countsOf(slot)
    this.#counts.set(slot, { packets: before.packets + 1, octets: before.octets + octets })
  }

  tell(...events: EngineEvent[]): void {
    this.big.handle(events)
  }
}

function big(flow: number, change: Partial<BigEvent> = {}): BigEvent {
  const tuple = {
    ...{ protocol: 6, source: '10.0.0.1', sourcePort: 40_000 + flow },
    ...{ destination: '10.0.0.2', destinationPort: 443, vlan: 0 },
  }
  return { ev: 'big', flow, endpoint: 1, tuple, podSide: 'opener', epoch: EPOCH, ...change }
}
const NOTHING = { orig: 0, reply: 0 }
const closed = (flow: number): EngineEvent => ({
  ...{ ev: 'closed', flow, endpoint: 1, how: 'fin' },
  counts: { packets: NOTHING, octets: NOTHING },
})

t.test('carried from the pod’s end, until it is closed', (t) => {
  const world = new World()
  world.tell(big(1), big(2, { podSide: 'receiver' }))
  const [pod, peer] = [Uint8Array.of(10, 0, 0, 1), Uint8Array.of(10, 0, 0, 2)]
  t.same(world.slots.get(1), { pod, peer, podPort: 40_001, peerPort: 443, opener: 'pod' })
  t.same(world.slots.get(2), {
    ...{ pod: peer, peer: pod, podPort: 443, peerPort: 40_002, opener: 'peer' },
  })
  t.same(world.recalled(), [])
  world.tell(closed(1), closed(9))
  t.same([...world.slots.keys()], [2])
  t.same(world.recalled(), [1], 'others’ ends are none of its business')
  t.same(world.big.counts(), { live: 1, carried: 2, refused: 0, octets: 0 })
  t.end()
})

t.test('told under other verdicts, of another driver, of nobody: not carried', (t) => {
  const world = new World()
  world.tell(big(1, { epoch: EPOCH - 1 }), big(2, { endpoint: 5 }))
  Object.assign(world.endpoint, { record: { ...world.endpoint.record, driver: 'bpf' } })
  world.tell(big(3))
  t.equal(world.slots.size, 0)
  t.same(world.recalled(), [1, 2, 3])
  t.end()
})

t.test('a SYN that waits passes once nothing carries its flow', (t) => {
  const world = new World()
  world.tell(big(1))
  world.fails = true
  world.tell({ ev: 'recall', flow: 1, endpoint: 1 })
  t.same(world.recalled(), [], 'the kernel would not have it')
  t.match(world.warned, [/endpoint 1: carried flows: Error: EIO/])
  world.fails = false
  world.tell({ ev: 'recall', flow: 1, endpoint: 1 }, { ev: 'recall', flow: 8, endpoint: 1 })
  t.equal(world.slots.size, 0)
  t.same(world.recalled(), [1, 8], 'also one that is not known')
  t.end()
})

t.test('what rests, has carried much, or is gone is let go', (t) => {
  const world = new World()
  world.tell(big(1), big(2), big(3))
  for (const slot of [1, 2, 3]) world.move(slot, MIB)
  world.slots.delete(3)
  world.big.look()
  t.same(world.recalled(), [3], 'taken away with a change of path')
  world.nowMs = 29_000
  world.move(2, 100)
  world.big.look()
  t.same(world.recalled(), [])
  world.nowMs = 30_000
  world.move(2, 2 ** 31)
  world.big.look()
  t.same(world.recalled(), [1, 2])
  t.equal(world.slots.size, 0)
  t.equal(world.big.counts().octets, 2 * MIB + 100 + 2 ** 31)
  t.end()
})

t.test('where no room is the least moving goes, unless it moves too', (t) => {
  const world = new World()
  world.tell(big(1), big(2), big(3), big(4))
  t.same(world.recalled(), [4], 'all of them are as big')
  for (const slot of [1, 2, 3]) world.move(slot, slot === 2 ? MIB : 9 * MIB)
  world.big.look()
  world.tell(big(4))
  t.same(world.recalled(), [2])
  t.equal(world.slots.get(2)?.podPort, 40_004)
  world.tell(big(5))
  t.same(world.recalled(), [5])
  t.match(world.big.counts(), { live: 3, carried: 4, refused: 2 })
  t.end()
})

t.test('lost events may have been ends', (t) => {
  const world = new World()
  world.tell(big(1), big(2), { ev: 'lost', events: 1 })
  t.equal(world.slots.size, 0)
  t.same(world.recalled(), [1, 2])
  t.end()
})

t.test('told again', (t) => {
  const world = new World()
  world.tell(big(1), big(1))
  t.equal(world.slots.size, 1, 'by what came up before the filters were there')
  world.slots.clear()
  world.tell(big(1))
  t.equal(world.slots.size, 1, 'since a change of path took them away')
  t.same(world.recalled(), [])
  t.match(world.big.counts(), { live: 1, carried: 2, refused: 0 })
  world.tell(big(1, { epoch: EPOCH + 1 }))
  t.equal(world.slots.size, 0)
  t.same(world.recalled(), [1])
  t.end()
})
