/**
 * The `bpf` pipe driver: one cls_bpf program on the ingress of vin, vex, vbr-neuv and vth-neuv, one map
 * entry per endpoint. A change of path is one map update.
 */
import { readFileSync } from 'node:fs'
import { release } from 'node:os'
import {
  CAUSE_NAMES,
  decodeEndpoint,
  type EndpointEntry,
  encodeDevice,
  encodeEndpoint,
  encodeKey,
  NO_ENDPOINT,
  sumPerCpu,
} from '../../core/bpf/maps.js'
import type { EndpointPath, EndpointRecord } from '../../core/endpoint.js'
import { type Instance, VBR_IFINDEX, VTH_IFINDEX } from '../../core/instance.js'
import { isReleaseSince, type KernelVersion } from '../../core/kernel-release.js'
import { bpfFilter, decodeBpfFilter } from '../../core/netlink/cls-bpf.js'
import {
  decodeFilter,
  deleteFilter,
  type FilterKey,
  getFilter,
  replaceFilter,
} from '../../core/netlink/filter.js'
import { replaceIngress } from '../../core/netlink/qdisc.js'
import type { Drift, Enforcer, PathSetting, PipeDriver } from '../driver.js'
import type { Os } from '../os.js'
import { apply } from '../rtnetlink.js'
import { type Loaded, load, type ProgramName, unpinOtherVersions } from './loader.js'
import { PROGRAM_VERSION } from './program.generated.js'

/** One filter per device; the same handle each time makes every replacement gapless. */
const PRIORITY = 1
const HANDLE = 1
/** Answers of a device or filter that is gone: `remove` of the absent succeeds. */
const GONE = ['ENOENT', 'EINVAL', 'ENODEV'] as const
const BPF_ANY = 0
const HEARTBEAT_SLOT = 0
/** Before it, redirect_peer left the pod's RX counters alone (kernel-findings). */
const PEER_REDIRECT_SINCE: KernelVersion = [6, 8]

function filterKey(ifindex: number): FilterKey {
  return { ifindex, priority: PRIORITY, handle: HANDLE }
}

/** Read back by `check`: says that the program in force is this build's. */
function filterName(program: ProgramName): string {
  return `${program}:${PROGRAM_VERSION}`
}

/** /sys/devices/system/cpu/possible is `0` or `0-N`: a per-CPU value has a slot for each. */
function possibleCpus(): number {
  const text = readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim()
  return Number(text.split(/[,-]/).at(-1)) + 1
}

export class BpfDriver implements PipeDriver {
  readonly name = 'bpf'
  readonly #os: Os
  readonly #instance: Instance
  readonly #isPeerRedirect = isReleaseSince(release(), PEER_REDIRECT_SINCE)
  #opened: Loaded | null = null

  constructor(os: Os, instance: Instance) {
    this.#os = os
    this.#instance = instance
  }

  ensureShared(enforcer: Enforcer): void {
    this.#ensureFilter(enforcer, VTH_IFINDEX, 'vth_ingress')
    this.#ensureFilter(enforcer, VBR_IFINDEX, 'vbr_ingress')
    unpinOtherVersions(this.#instance.bpffsDir)
  }

  /** The map entries come first: a filter never meets a device that it does not know. */
  ensure(enforcer: Enforcer, record: EndpointRecord, setting: PathSetting): void {
    const { vinIfindex, vexIfindex } = record.links
    this.#updateEndpoint(record, setting)
    this.#updateDevice(vinIfindex, encodeDevice(record.id, 'vin'))
    this.#updateDevice(vexIfindex, encodeDevice(record.id, 'vex'))
    this.#ensureFilter(enforcer, vinIfindex, 'vin_ingress')
    this.#ensureFilter(enforcer, vexIfindex, 'vex_ingress')
  }

  setPath(_enforcer: Enforcer, record: EndpointRecord, setting: PathSetting): void {
    this.#updateEndpoint(record, setting)
  }

  readPath(enforcer: Enforcer, record: EndpointRecord): EndpointPath | null {
    const { vinIfindex, vexIfindex } = record.links
    const isInstalled =
      this.#programOn(enforcer, vinIfindex) !== null &&
      this.#programOn(enforcer, vexIfindex) !== null
    return isInstalled ? (this.#entryOf(record)?.path ?? null) : null
  }

  /** Filters first: without them the enforcer's stack drops what still arrives. */
  remove(enforcer: Enforcer, record: EndpointRecord): void {
    const { vinIfindex, vexIfindex } = record.links
    const filters = [vinIfindex, vexIfindex].map((i) => deleteFilter(filterKey(i), 'bpf'))
    apply(this.#os, enforcer.netlinkFd, filters, { accept: GONE })
    const devices = this.#loaded.mapFd('devices')
    for (const ifindex of [vinIfindex, vexIfindex]) {
      this.#os.bpf.mapDelete(devices, encodeKey(ifindex))
    }
    this.#updateEntry(record.id, NO_ENDPOINT)
  }

  check(enforcer: Enforcer, record: EndpointRecord): Drift[] {
    const { links } = record
    return [
      ...this.#driftOfFilter(enforcer, links.vinName, links.vinIfindex, 'vin_ingress'),
      ...this.#driftOfFilter(enforcer, links.vexName, links.vexIfindex, 'vex_ingress'),
      ...this.#driftOfFilter(enforcer, 'vbr-neuv', VBR_IFINDEX, 'vbr_ingress'),
      ...this.#driftOfFilter(enforcer, 'vth-neuv', VTH_IFINDEX, 'vth_ingress'),
      ...this.#driftOfDevice(links.vinName, links.vinIfindex, encodeDevice(record.id, 'vin')),
      ...this.#driftOfDevice(links.vexName, links.vexIfindex, encodeDevice(record.id, 'vex')),
      ...this.#driftOfEntry(record),
    ]
  }

  counters(_enforcer: Enforcer): Readonly<Record<string, number>> {
    const fd = this.#loaded.mapFd('counters')
    const octets = 8 * possibleCpus()
    return Object.fromEntries(
      CAUSE_NAMES.map((cause, index) => {
        const value = this.#os.bpf.mapLookup(fd, encodeKey(index), octets)
        return [cause, value === null ? 0 : sumPerCpu(value)]
      }),
    )
  }

  /** For the engine, which maps it and stamps slot 0 from its receive loop (design §6). */
  heartbeatMapFd(): number {
    return this.#loaded.mapFd('heartbeat')
  }

  close(): void {
    this.#opened?.close()
    this.#opened = null
  }

  get #loaded(): Loaded {
    this.#opened ??= load(this.#os, this.#instance.bpffsDir)
    return this.#opened
  }

  #ensureFilter(enforcer: Enforcer, ifindex: number, program: ProgramName): void {
    const filter = bpfFilter(
      filterKey(ifindex),
      this.#loaded.programFd(program),
      filterName(program),
    )
    apply(this.#os, enforcer.netlinkFd, [replaceIngress(ifindex), replaceFilter(filter)])
  }

  #updateEndpoint(record: EndpointRecord, setting: PathSetting): void {
    const { mac, vinIfindex, vexIfindex } = record.links
    const entry: EndpointEntry = {
      path: setting.path,
      failure: setting.failure,
      strict: setting.strict ?? true,
      peer: this.#isPeerRedirect,
      heartbeatSlot: HEARTBEAT_SLOT,
      vinIfindex,
      vexIfindex,
      mac,
    }
    this.#updateEntry(record.id, encodeEndpoint(entry))
  }

  #updateDevice(ifindex: number, value: Uint8Array): void {
    this.#os.bpf.mapUpdate(this.#loaded.mapFd('devices'), encodeKey(ifindex), value, BPF_ANY)
  }

  #updateEntry(id: number, value: Uint8Array): void {
    this.#os.bpf.mapUpdate(this.#loaded.mapFd('endpoints'), encodeKey(id), value, BPF_ANY)
  }

  #entryOf(record: EndpointRecord): EndpointEntry | null {
    const fd = this.#loaded.mapFd('endpoints')
    const value = this.#os.bpf.mapLookup(fd, encodeKey(record.id), NO_ENDPOINT.length)
    return value === null ? null : decodeEndpoint(value)
  }

  /** Name of the program in force; null = no filter of ours, or no device. */
  #programOn(enforcer: Enforcer, ifindex: number): string | null {
    const request = getFilter(filterKey(ifindex), 'bpf')
    const messages = apply(this.#os, enforcer.netlinkFd, [request], { accept: GONE })
    for (const message of messages) {
      const filter = decodeFilter(message)
      const program = filter === null ? null : decodeBpfFilter(filter)
      if (program?.isDirectAction) return program.name
    }
    return null
  }

  #driftOfFilter(enforcer: Enforcer, link: string, ifindex: number, program: ProgramName): Drift[] {
    const want = filterName(program)
    const have = this.#programOn(enforcer, ifindex) ?? 'none'
    return have === want ? [] : [{ subject: `filter on ${link}`, want, have }]
  }

  #driftOfDevice(link: string, ifindex: number, want: Uint8Array): Drift[] {
    const fd = this.#loaded.mapFd('devices')
    const have = this.#os.bpf.mapLookup(fd, encodeKey(ifindex), want.length)
    if (have !== null && Buffer.compare(have, want) === 0) return []
    const hex = (octets: Uint8Array | null) =>
      octets === null ? 'none' : Buffer.from(octets).toString('hex')
    return [{ subject: `map devices[${link}]`, want: hex(want), have: hex(have) }]
  }

  #driftOfEntry(record: EndpointRecord): Drift[] {
    const { mac, vinIfindex, vexIfindex } = record.links
    const text = (e: { mac: string; vinIfindex: number; vexIfindex: number }) =>
      `${e.mac} vin ${e.vinIfindex} vex ${e.vexIfindex}`
    const want = text({ mac, vinIfindex, vexIfindex })
    const entry = this.#entryOf(record)
    const have = entry === null ? 'none' : text(entry)
    return have === want ? [] : [{ subject: `map endpoints[${record.id}]`, want, have }]
  }
}
