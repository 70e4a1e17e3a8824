/** Keys and values of the kernel program's maps: the other side of native/bpf/vethwall.bpf.h. Host order. */
import type { EndpointPath, Failure } from '../endpoint.js'
import { formatMac, parseMac } from '../mac.js'
import { HOST_LITTLE_ENDIAN, viewOf } from '../netlink/attribute.js'

export const HEARTBEAT_SLOTS = 64

/** By number, as in `enum { PATH_NONE … }`; 0 = no endpoint of that id. */
const PATHS: readonly EndpointPath[] = ['direct', 'tap', 'inline', 'quarantine']
const FAILURES: readonly Failure[] = ['open', 'closed']
const ENDPOINT_OCTETS = 24
const FLAG_STRICT = 1
const FLAG_PEER = 2
const FLAG_HAIRPIN = 4

/** The order of `enum { CAUSE_… }`. */
export const CAUSE_NAMES = [
  'unknown_device',
  'short',
  'forged_marker',
  'foreign_dropped',
  'foreign_passed',
  'quarantine',
  'stale_open',
  'stale_closed',
  'not_one_marker',
  'unknown_endpoint',
  'not_inline',
  'bad_kind',
  'no_memory',
  'cut_forced',
  'cut_reordered',
] as const

/** By number, as in `enum { ROLE_VIN … }`, from 1. */
const ROLES = ['vin', 'vex', 'hairpin'] as const
export type DeviceRole = (typeof ROLES)[number]

/** struct endpoint. */
export interface EndpointEntry {
  readonly path: EndpointPath
  readonly failure: Failure
  /** Foreign addresses are dropped on the inline path. */
  readonly strict: boolean
  /** bpf_redirect_peer towards the pod. */
  readonly peer: boolean
  /** Which of `heartbeat` speaks for this endpoint's judge. */
  readonly heartbeatSlot: number
  /** The pod has kept its eth0: vinIfindex is vw0's index in the pod too, and vexIfindex eth0's. */
  readonly hairpin: boolean
  readonly vinIfindex: number
  readonly vexIfindex: number
  readonly mac: string
  /** Of the verdicts in force: flows that were settled in it are cut; 0 = none is. */
  readonly epoch: number
}

export function encodeKey(key: number): Uint8Array {
  const octets = new Uint8Array(4)
  viewOf(octets).setUint32(0, key, HOST_LITTLE_ENDIAN)
  return octets
}

export function decodeKey(octets: Uint8Array): number {
  return viewOf(octets).getUint32(0, HOST_LITTLE_ENDIAN)
}

/** struct device. */
export function encodeDevice(id: number, role: DeviceRole): Uint8Array {
  const octets = new Uint8Array(4)
  viewOf(octets).setUint16(0, id, HOST_LITTLE_ENDIAN)
  octets[2] = ROLES.indexOf(role) + 1
  return octets
}

export function decodeDeviceId(octets: Uint8Array): number {
  return viewOf(octets).getUint16(0, HOST_LITTLE_ENDIAN)
}

export function encodeEndpoint(entry: EndpointEntry): Uint8Array {
  const octets = new Uint8Array(ENDPOINT_OCTETS)
  const view = viewOf(octets)
  octets[0] = PATHS.indexOf(entry.path) + 1
  octets[1] = FAILURES.indexOf(entry.failure)
  octets[2] =
    (entry.strict ? FLAG_STRICT : 0) |
    (entry.peer ? FLAG_PEER : 0) |
    (entry.hairpin ? FLAG_HAIRPIN : 0)
  octets[3] = entry.heartbeatSlot
  view.setUint32(4, entry.vinIfindex, HOST_LITTLE_ENDIAN)
  view.setUint32(8, entry.vexIfindex, HOST_LITTLE_ENDIAN)
  octets.set(parseMac(entry.mac), 12)
  view.setUint32(20, entry.epoch, HOST_LITTLE_ENDIAN)
  return octets
}

/** null = the id names no endpoint. */
export function decodeEndpoint(octets: Uint8Array): EndpointEntry | null {
  const view = viewOf(octets)
  const path = PATHS[view.getUint8(0) - 1]
  const failure = FAILURES[view.getUint8(1)]
  if (path === undefined || failure === undefined) return null
  const flags = view.getUint8(2)
  return {
    path,
    failure,
    strict: (flags & FLAG_STRICT) !== 0,
    peer: (flags & FLAG_PEER) !== 0,
    hairpin: (flags & FLAG_HAIRPIN) !== 0,
    heartbeatSlot: view.getUint8(3),
    vinIfindex: view.getUint32(4, HOST_LITTLE_ENDIAN),
    vexIfindex: view.getUint32(8, HOST_LITTLE_ENDIAN),
    mac: formatMac(octets.subarray(12, 18)),
    epoch: view.getUint32(20, HOST_LITTLE_ENDIAN),
  }
}

/** One endpoint's or no endpoint's: what BPF_MAP_UPDATE of an array element can't delete. */
export const NO_ENDPOINT = new Uint8Array(ENDPOINT_OCTETS)

/** struct refused: frames from one endpoint's pod, dropped for what they claim to be. */
export interface RefusedFrames {
  readonly forgedMarker: number
  readonly foreignMac: number
}

export const NO_REFUSED = new Uint8Array(16)

export function decodeRefused(octets: Uint8Array): RefusedFrames {
  const view = viewOf(octets)
  return {
    forgedMarker: Number(view.getBigUint64(0, HOST_LITTLE_ENDIAN)),
    foreignMac: Number(view.getBigUint64(8, HOST_LITTLE_ENDIAN)),
  }
}

/** A per-CPU value is one u64 per possible CPU. */
export function sumPerCpu(octets: Uint8Array): number {
  const view = viewOf(octets)
  let sum = 0n
  for (let at = 0; at + 8 <= octets.length; at += 8)
    sum += view.getBigUint64(at, HOST_LITTLE_ENDIAN)
  return Number(sum)
}
