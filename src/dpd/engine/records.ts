/**
 * The event records of native/engine/records.h, decoded. Integers are host order;
 * every machine that Node runs on and that has these kernels is little-endian.
 */
import type {
  At,
  Dir,
  EngineEvent,
  FiveTuple,
  GapCause,
  Tunnel,
} from '../../core/inspect/contract.js'
import { AddressTexts } from './address-texts.js'

const EVENT_HEADER_OCTETS = 40
const TWO_32 = 2 ** 32

const EVENT_PAD = 0
const EVENT_OPENED = 1
const EVENT_OCTETS = 2
const EVENT_GAP = 3
const EVENT_HOLD_ENDED = 4
const EVENT_CLOSED = 5
const EVENT_LOST = 6
const EVENT_SPOOFED = 7
const EVENT_BIG = 8
const EVENT_RECALL = 9

/** struct EventHeader. */
const EV = { octets: 0, kind: 4, dir: 5, endpoint: 6, flow: 8, at: 16 } as const
const EV_DETAIL = { a: 24, b: 28, c: 32, d: 33, e: 34, tunnel: 35 } as const
/** struct OpenedBody, from the record's start. */
const OPENED = {
  family: 40,
  protocol: 41,
  vlan: 42,
  sourcePort: 44,
  destinationPort: 46,
  source: 48,
  destination: 64,
} as const
/** struct TunnelBody, from the record's start; where EV_DETAIL.tunnel is not 0. */
const TUNNEL = { id: 80, family: 84, peer: 88 } as const
/** struct ClosedBody, from the record's start. */
const CLOSED = { packets: 40, octets: 56 } as const

const STARTS = ['syn', 'datagram', 'midstream'] as const
const L4_VERDICTS = ['undecided', 'allow', 'deny'] as const
const POD_SIDES = ['opener', 'receiver'] as const
const TUNNELS = ['ip', 'gre', 'vxlan', 'geneve'] as const
const GAP_CAUSES: readonly GapCause[] = ['midstream', 'lost', 'memory', 'out-of-order-limit']
const HOLD_CAUSES = ['time', 'memory'] as const
const TOOK = ['open', 'closed'] as const
const CLOSED_HOW = ['fin', 'rst', 'idle', 'evicted', 'denied'] as const
const SPOOFED = ['ip', 'arp', 'nd'] as const
const BIT_ENDED = 1
const BIT_HELD = 2

/** Octets in the events are views of `octets`: valid as long as the ring's span is. */
export function decodeEvents(octets: Uint8Array, view: DataView, from: number, to: number) {
  const events: EngineEvent[] = []
  let at = from
  while (at + 8 <= to) {
    const length = view.getUint32(at + EV.octets, true)
    if (length < 8 || at + length > to) break
    if (view.getUint8(at + EV.kind) !== EVENT_PAD) {
      if (length < EVENT_HEADER_OCTETS) break
      events.push(decodeEvent(octets, view, at))
    }
    at += length
  }
  if (at !== to) throw new RangeError(`engine event at octet ${at - from}: length beyond its span`)
  return events
}

function decodeEvent(octets: Uint8Array, view: DataView, at: number): EngineEvent {
  const kind = view.getUint8(at + EV.kind)
  const flow = uint64(view, at + EV.flow)
  const endpoint = view.getUint16(at + EV.endpoint, true)
  const dir: Dir = view.getUint8(at + EV.dir) === 0 ? 'orig' : 'reply'
  const position: At = uint64(view, at + EV.at)
  const a = view.getUint32(at + EV_DETAIL.a, true)
  const b = view.getUint32(at + EV_DETAIL.b, true)
  const c = view.getUint8(at + EV_DETAIL.c)
  switch (kind) {
    case EVENT_OPENED:
      return {
        ev: 'opened',
        flow,
        endpoint,
        tuple: decodeTuple(octets, view, at),
        podSide: named(POD_SIDES, view.getUint8(at + EV_DETAIL.e)),
        start: named(STARTS, view.getUint8(at + EV_DETAIL.d)),
        l4: named(L4_VERDICTS, c),
        rule: b,
        generation: a,
      }
    case EVENT_OCTETS: {
      const begin = at + EVENT_HEADER_OCTETS
      return {
        ev: 'octets',
        flow,
        endpoint,
        dir,
        at: position,
        octets: octets.subarray(begin, begin + a),
        ended: (b & BIT_ENDED) !== 0,
        held: (b & BIT_HELD) !== 0,
      }
    }
    case EVENT_GAP:
      return {
        ev: 'gap',
        flow,
        endpoint,
        dir,
        at: position,
        octets: a,
        cause: named(GAP_CAUSES, c),
      }
    case EVENT_HOLD_ENDED: {
      const took = named(TOOK, view.getUint8(at + EV_DETAIL.d))
      return {
        ev: 'holdEnded',
        flow,
        endpoint,
        dir,
        at: position,
        cause: named(HOLD_CAUSES, c),
        took,
      }
    }
    case EVENT_CLOSED:
      return { ev: 'closed', flow, endpoint, how: named(CLOSED_HOW, c), counts: counts(view, at) }
    case EVENT_LOST:
      return { ev: 'lost', events: position }
    case EVENT_SPOOFED:
      return { ev: 'spoofed', endpoint, what: named(SPOOFED, c), frames: position }
    case EVENT_BIG: {
      const podSide = named(POD_SIDES, view.getUint8(at + EV_DETAIL.e))
      return { ev: 'big', flow, endpoint, tuple: decodeTuple(octets, view, at), podSide, epoch: a }
    }
    case EVENT_RECALL:
      return { ev: 'recall', flow, endpoint }
    default:
      throw new RangeError(`engine event of unknown kind ${kind}: addon and daemon differ in build`)
  }
}

const texts = new AddressTexts()

function addressOctets(view: DataView, familyAt: number): 4 | 16 {
  return view.getUint8(familyAt) === 4 ? 4 : 16
}

function decodeTunnel(octets: Uint8Array, view: DataView, at: number): Tunnel {
  return {
    kind: named(TUNNELS, view.getUint8(at + EV_DETAIL.tunnel) - 1),
    id: view.getUint32(at + TUNNEL.id, true),
    peer: texts.text(octets, at + TUNNEL.peer, addressOctets(view, at + TUNNEL.family)),
  }
}

function decodeTuple(octets: Uint8Array, view: DataView, at: number): FiveTuple {
  const length = addressOctets(view, at + OPENED.family)
  const isInner = view.getUint8(at + EV_DETAIL.tunnel) !== 0
  const tuple: FiveTuple = {
    protocol: view.getUint8(at + OPENED.protocol),
    source: texts.text(octets, at + OPENED.source, length),
    sourcePort: view.getUint16(at + OPENED.sourcePort, true),
    destination: texts.text(octets, at + OPENED.destination, length),
    destinationPort: view.getUint16(at + OPENED.destinationPort, true),
    vlan: view.getUint16(at + OPENED.vlan, true),
  }
  return isInner ? { ...tuple, tunnel: decodeTunnel(octets, view, at) } : tuple
}

function counts(view: DataView, at: number) {
  const pair = (offset: number) => ({
    orig: uint64(view, at + offset),
    reply: uint64(view, at + offset + 8),
  })
  return { packets: pair(CLOSED.packets), octets: pair(CLOSED.octets) }
}

/** Small ones stay small integers: V8 keeps others in memory of their own. */
function uint64(view: DataView, at: number): number {
  const low = view.getUint32(at, true)
  const high = view.getUint32(at + 4, true)
  return high === 0 ? low : high * TWO_32 + low
}

function named<T>(names: readonly T[], index: number): T {
  const name = names[index]
  if (name === undefined) throw new RangeError(`engine event: value ${index} has no name`)
  return name
}
