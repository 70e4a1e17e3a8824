/** The entries of the maps `endpoints` and `devices`: one endpoint's, and those that nobody's record speaks for. */
import { release } from 'node:os'
import {
  decodeEndpoint,
  decodeKey,
  decodeRefused,
  type EndpointEntry,
  encodeDevice,
  encodeEndpoint,
  encodeKey,
  NO_ENDPOINT,
  NO_REFUSED,
  type RefusedFrames,
} from '../../core/bpf/maps.js'
import { type EndpointRecord, linksOf } from '../../core/endpoint.js'
import { isReleaseSince, type KernelVersion } from '../../core/kernel-release.js'
import type { Drift, PathSetting } from '../driver.js'
import type { Os } from '../os.js'
import type { Loaded } from './loader.js'

const BPF_ANY = 0
const HEARTBEAT_SLOT = 0
const KEY_OCTETS = 4
/** Before it, redirect_peer left the pod's RX counters alone (kernel-findings). */
const PEER_REDIRECT_SINCE: KernelVersion = [6, 8]

function wanted(record: EndpointRecord, setting: PathSetting): EndpointEntry {
  const { vinIfindex, vexIfindex, podIfindex, mac } = linksOf(record)
  const hairpin = record.attachment === 'hairpin'
  return {
    path: setting.path,
    failure: setting.failure,
    strict: setting.strict ?? true,
    peer: isReleaseSince(release(), PEER_REDIRECT_SINCE),
    heartbeatSlot: HEARTBEAT_SLOT,
    hairpin,
    vinIfindex,
    vexIfindex: hairpin ? podIfindex : vexIfindex,
    mac,
    epoch: setting.epoch ?? 0,
  }
}

function entryText(entry: EndpointEntry): string {
  const { path, failure, strict, peer, hairpin, vinIfindex, vexIfindex, mac } = entry
  const { heartbeatSlot, epoch } = entry
  const flags = `${strict ? 'strict' : 'lax'}${peer ? ' peer' : ''}`
  const outer = hairpin ? 'eth0' : 'vex'
  return `${path} ${failure} ${flags} slot ${heartbeatSlot} vin ${vinIfindex} ${outer} ${vexIfindex} ${mac} epoch ${epoch}`
}

const hex = (octets: Uint8Array | null): string =>
  octets === null ? 'none' : Buffer.from(octets).toString('hex')

function deviceValues(record: EndpointRecord) {
  const { id } = record
  const links = linksOf(record)
  if (record.attachment === 'hairpin') {
    return [[links.vinIfindex, links.vinName, encodeDevice(id, 'hairpin')]] as const
  }
  return [
    [links.vinIfindex, links.vinName, encodeDevice(id, 'vin')],
    [links.vexIfindex, links.vexName, encodeDevice(id, 'vex')],
  ] as const
}

export function updateEndpoint(
  os: Os,
  loaded: Loaded,
  record: EndpointRecord,
  setting: PathSetting,
): void {
  const value = encodeEndpoint(wanted(record, setting))
  os.bpf.mapUpdate(loaded.mapFd('endpoints'), encodeKey(record.id), value, BPF_ANY)
}

export function updateDevices(os: Os, loaded: Loaded, record: EndpointRecord): void {
  for (const [ifindex, , value] of deviceValues(record)) {
    os.bpf.mapUpdate(loaded.mapFd('devices'), encodeKey(ifindex), value, BPF_ANY)
  }
}

export function removeEntries(os: Os, loaded: Loaded, record: EndpointRecord): void {
  for (const [ifindex] of deviceValues(record)) {
    os.bpf.mapDelete(loaded.mapFd('devices'), encodeKey(ifindex))
  }
  os.bpf.mapUpdate(loaded.mapFd('endpoints'), encodeKey(record.id), NO_ENDPOINT, BPF_ANY)
  os.bpf.mapUpdate(loaded.mapFd('refused'), encodeKey(record.id), NO_REFUSED, BPF_ANY)
}

export function refusedOf(os: Os, loaded: Loaded, { id }: EndpointRecord): RefusedFrames {
  const value = os.bpf.mapLookup(loaded.mapFd('refused'), encodeKey(id), NO_REFUSED.length)
  return decodeRefused(value ?? NO_REFUSED)
}

export function entryOf(os: Os, loaded: Loaded, { id }: EndpointRecord): EndpointEntry | null {
  const value = os.bpf.mapLookup(loaded.mapFd('endpoints'), encodeKey(id), NO_ENDPOINT.length)
  return value === null ? null : decodeEndpoint(value)
}

/** Every field; the path and what goes with it only where the caller says what it is to be. */
export function driftOfEntries(
  os: Os,
  loaded: Loaded,
  record: EndpointRecord,
  setting: PathSetting | undefined,
): Drift[] {
  const what = 'map'
  const have = entryOf(os, loaded, record)
  const want = entryText(
    wanted(record, setting ?? have ?? { path: 'quarantine', failure: 'closed' }),
  )
  const found = have === null ? 'none' : entryText(have)
  const entry =
    found === want
      ? []
      : [{ what, subject: `map endpoints[${record.id}]`, want, have: found } as const]
  const devices = deviceValues(record).flatMap(([ifindex, name, value]): Drift[] => {
    const fd = loaded.mapFd('devices')
    const device = os.bpf.mapLookup(fd, encodeKey(ifindex), value.length)
    if (device !== null && Buffer.compare(device, value) === 0) return []
    return [{ what, subject: `map devices[${name}]`, want: hex(value), have: hex(device) }]
  })
  return [...entry, ...devices]
}

interface Strays {
  readonly ids: readonly number[]
  readonly ifindexes: readonly number[]
}

/** Ids and devices that no record names: left by whoever, or put there. */
function straysOf(os: Os, loaded: Loaded, records: readonly EndpointRecord[]): Strays {
  const known = new Set(records.map(({ id }) => id))
  const ifindexes = new Set(
    records.flatMap(({ links }) => (links === null ? [] : [links.vinIfindex, links.vexIfindex])),
  )
  const { values } = os.bpf.mapEntries(loaded.mapFd('endpoints'))
  const octets = NO_ENDPOINT.length
  const ids: number[] = []
  // An array: its keys are 0, 1, 2 …; a word at a time, for there are 16 384 and most are empty.
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length / 4)
  for (let id = 0, at = 0; at < words.length; id++, at += octets / 4) {
    const isEmpty =
      (words[at] ?? 0) === 0 && (words[at + 1] ?? 0) === 0 && (words[at + 2] ?? 0) === 0
    if (!isEmpty && !known.has(id)) ids.push(id)
  }
  const { keys } = os.bpf.mapEntries(loaded.mapFd('devices'))
  const present = Array.from({ length: keys.length / KEY_OCTETS }, (_, at) =>
    decodeKey(keys.subarray(at * KEY_OCTETS, (at + 1) * KEY_OCTETS)),
  )
  return { ids, ifindexes: present.filter((ifindex) => !ifindexes.has(ifindex)) }
}

export function driftOfStrays(os: Os, loaded: Loaded, records: readonly EndpointRecord[]): Drift[] {
  const { ids, ifindexes } = straysOf(os, loaded, records)
  const stray = (subject: string): Drift => ({
    ...{ what: 'map', subject, want: 'none', have: 'an entry that no record knows' },
  })
  return [
    ...ids.map((id) => stray(`map endpoints[${id}]`)),
    ...ifindexes.map((ifindex) => stray(`map devices[${ifindex}]`)),
  ]
}

export function removeStrays(os: Os, loaded: Loaded, records: readonly EndpointRecord[]): void {
  const { ids, ifindexes } = straysOf(os, loaded, records)
  for (const ifindex of ifindexes) os.bpf.mapDelete(loaded.mapFd('devices'), encodeKey(ifindex))
  for (const id of ids) {
    os.bpf.mapUpdate(loaded.mapFd('endpoints'), encodeKey(id), NO_ENDPOINT, BPF_ANY)
  }
}
