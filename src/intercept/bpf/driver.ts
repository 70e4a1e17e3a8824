/**
 * The `bpf` pipe driver: one cls_bpf program on the ingress of vin, vex, vbr-neuv and vth-neuv, one map
 * entry per endpoint. A change of path is one map update.
 */
import type { FlowEntry, FlowKey } from '../../core/bpf/flow-map.js'
import type { RefusedFrames } from '../../core/bpf/maps.js'
import { type EndpointPath, type EndpointRecord, linksOf } from '../../core/endpoint.js'
import { type Instance, VBR_IFINDEX, VBR_NAME, VTH_IFINDEX, VTH_NAME } from '../../core/instance.js'
import { type BpfFilter, bpfFilter, decodeBpfFilter } from '../../core/netlink/cls-bpf.js'
import {
  decodeFilter,
  deleteFilter,
  type FilterKey,
  type FoundFilter,
  getFilter,
  replaceFilter,
} from '../../core/netlink/filter.js'
import { replaceIngress } from '../../core/netlink/qdisc.js'
import { clearForeign, driftOfForeign, driftOfQdiscs, hasIngress } from '../device-drift.js'
import { type Devices, readFilters } from '../devices.js'
import type { Drift, Enforcer, PathSetting, PipeDriver, Seen, SeenShared } from '../driver.js'
import type { Os } from '../os.js'
import { apply } from '../rtnetlink.js'
import { carriedOf, framesByCause } from './counts.js'
import {
  driftOfEntries,
  driftOfStrays,
  entryOf,
  refusedOf,
  removeEntries,
  removeStrays,
  updateDevices,
  updateEndpoint,
} from './entries.js'
import { EntryChanges } from './entry-changes.js'
import {
  driftOfPins,
  type Loaded,
  load,
  openPinned,
  type ProgramName,
  repairPins,
  unpinOtherVersions,
} from './loader.js'
import { PROGRAM_VERSION } from './program.generated.js'

/** One filter per device; the same handle each time makes every replacement gapless. */
const PRIORITY = 1
const HANDLE = 1
/** Answers of a device or filter that is gone: `remove` of the absent succeeds. */
const GONE = ['ENOENT', 'EINVAL', 'ENODEV'] as const

function filterKey(ifindex: number): FilterKey {
  return { ifindex, priority: PRIORITY, handle: HANDLE }
}

const isOurClassifier = ({ kind, priority, chain }: FoundFilter): boolean =>
  kind === 'bpf' && priority === PRIORITY && chain === 0
const isOurFilter = (found: FoundFilter): boolean =>
  isOurClassifier(found) && found.handle === HANDLE

/** Read back by `check`: says that the program in force is this build's. */
function filterName(program: ProgramName): string {
  return `${program}:${PROGRAM_VERSION}`
}

/** A program of this build: its filter's name, and the kernel's number that such a filter tells. */
export interface PinnedProgram {
  readonly name: string
  readonly fd: number
  readonly programId: number
}

/** Of one endpoint's devices in the enforcer. */
function filtersOf(record: EndpointRecord): readonly DeviceFilter[] {
  const { vinName, vinIfindex, vexName, vexIfindex } = linksOf(record)
  if (record.attachment === 'hairpin') return [[vinIfindex, vinName, 'vin_hairpin']]
  return [
    [vinIfindex, vinName, 'vin_ingress'],
    [vexIfindex, vexName, 'vex_ingress'],
  ]
}

const SHARED_PROGRAMS = [
  [VTH_IFINDEX, 'vth_ingress'],
  [VBR_IFINDEX, 'vbr_ingress'],
] as const

type DeviceFilter = readonly [ifindex: number, link: string, program: ProgramName]

export class BpfDriver implements PipeDriver {
  readonly name = 'bpf'
  readonly #os: Os
  readonly #instance: Instance
  readonly #changes = new EntryChanges()
  #opened: Loaded | null = null

  constructor(os: Os, instance: Instance) {
    this.#os = os
    this.#instance = instance
  }

  /** Each ADD comes by, under the instance's lock: what is in force costs no change. */
  ensureShared(enforcer: Enforcer): void {
    const found = this.#programsOn(
      enforcer,
      SHARED_PROGRAMS.map(([ifindex]) => ifindex),
    )
    this.#ensureFilters(
      enforcer,
      SHARED_PROGRAMS.filter(([ifindex, program]) => !this.#isOurs(found.get(ifindex), program)),
    )
    unpinOtherVersions(this.#instance.bpffsDir)
  }

  /** The map entries come first: a filter never meets a device that it does not know. */
  ensure(enforcer: Enforcer, record: EndpointRecord, setting: PathSetting): void {
    updateEndpoint(this.#os, this.#loaded, record, setting)
    updateDevices(this.#os, this.#loaded, record)
    this.#ensureFilters(
      enforcer,
      filtersOf(record).map(([ifindex, , program]) => [ifindex, program]),
    )
  }

  setPath(_enforcer: Enforcer, record: EndpointRecord, setting: PathSetting): void {
    updateEndpoint(this.#os, this.#loaded, record, setting)
  }

  readPath(enforcer: Enforcer, record: EndpointRecord): EndpointPath | null {
    const ifindexes = filtersOf(record).map(([ifindex]) => ifindex)
    const isInstalled = this.#programsOn(enforcer, ifindexes).size === ifindexes.length
    return isInstalled ? (entryOf(this.#os, this.#loaded, record)?.path ?? null) : null
  }

  /** Filters first: without them the enforcer's stack drops what still arrives. */
  remove(enforcer: Enforcer, record: EndpointRecord): void {
    const filters = filtersOf(record).map(([i]) => deleteFilter(filterKey(i), 'bpf'))
    apply(this.#os, enforcer.netlinkFd, filters, { accept: GONE })
    removeEntries(this.#os, this.#loaded, record)
  }

  check(_enforcer: Enforcer, record: EndpointRecord, { devices, setting }: Seen): Drift[] {
    return this.#withLoaded((loaded) => [
      ...filtersOf(record).flatMap(([ifindex, link, program]) =>
        this.#driftOfFilters(loaded, devices, link, ifindex, program),
      ),
      ...driftOfEntries(this.#os, loaded, record, setting),
    ])
  }

  changedEntries(): readonly number[] {
    return this.#opened === null ? [] : this.#changes.since(this.#os, this.#opened)
  }

  repair(enforcer: Enforcer, record: EndpointRecord, setting: PathSetting): void {
    for (const [ifindex] of filtersOf(record)) this.#clearForeign(enforcer, ifindex)
    this.ensure(enforcer, record, setting)
  }

  checkShared(_enforcer: Enforcer, { devices, records }: SeenShared): Drift[] {
    return this.#withLoaded((loaded) => [
      ...driftOfPins(this.#os, this.#instance.bpffsDir, loaded),
      ...this.#driftOfFilters(loaded, devices, VBR_NAME, VBR_IFINDEX, 'vbr_ingress'),
      ...this.#driftOfFilters(loaded, devices, VTH_NAME, VTH_IFINDEX, 'vth_ingress'),
      ...(records === undefined ? [] : driftOfStrays(this.#os, loaded, records)),
    ])
  }

  repairShared(enforcer: Enforcer, records: readonly EndpointRecord[]): void {
    repairPins(this.#os, this.#instance.bpffsDir, this.#loaded)
    for (const ifindex of [VTH_IFINDEX, VBR_IFINDEX]) this.#clearForeign(enforcer, ifindex)
    this.ensureShared(enforcer)
    removeStrays(this.#os, this.#loaded, records)
  }

  carried(_enforcer: Enforcer, flow: FlowKey): FlowEntry | null {
    return carriedOf(this.#os, this.#loaded, flow)
  }

  counters(_enforcer: Enforcer): Readonly<Record<string, number>> {
    return framesByCause(this.#os, this.#loaded)
  }

  refused(
    _enforcer: Enforcer,
    records: readonly EndpointRecord[],
  ): ReadonlyMap<number, RefusedFrames> {
    return new Map(records.map((record) => [record.id, refusedOf(this.#os, this.#loaded, record)]))
  }

  /** For the engine, which maps it and stamps slot 0 from its receive loop (design §6). */
  heartbeatMapFd(): number {
    return this.#loaded.mapFd('heartbeat')
  }

  /** For the engine, which reads what was carried of a flow, and ends it. */
  flowMapFd(): number {
    return this.#loaded.mapFd('flows')
  }

  /** Told apart from another build's, and from one with other maps. */
  get generation(): string {
    const maps = ['devices', 'endpoints', 'heartbeat', 'counters', 'flows']
    return [PROGRAM_VERSION, ...maps.map((name) => this.#loaded.idOf('map', name))].join(' ')
  }

  /** The caller closes it. */
  loadForClass(program: ProgramName, name: string, classid: number): number {
    return this.#loaded.loadForClass(program, name, classid)
  }

  /** For filters outside the enforcer, in a pod's namespace (../hairpin/). */
  program(name: ProgramName): PinnedProgram {
    return {
      name: filterName(name),
      fd: this.#loaded.programFd(name),
      programId: this.#loaded.idOf('program', name),
    }
  }

  close(): void {
    this.#opened?.close()
    this.#opened = null
  }

  get #loaded(): Loaded {
    this.#opened ??= load(this.#os, this.#instance.bpffsDir)
    return this.#opened
  }

  #ensureFilters(
    enforcer: Enforcer,
    wanted: readonly (readonly [ifindex: number, program: ProgramName])[],
  ): void {
    const requests = wanted.flatMap(([ifindex, program]) => {
      const fd = this.#loaded.programFd(program)
      const filter = bpfFilter(filterKey(ifindex), fd, filterName(program))
      return [replaceIngress(ifindex), replaceFilter(filter)]
    })
    apply(this.#os, enforcer.netlinkFd, requests)
  }

  /** By device; without those that have no filter of ours, or are not there. */
  #programsOn(enforcer: Enforcer, ifindexes: readonly number[]): ReadonlyMap<number, BpfFilter> {
    const requests = ifindexes.map((ifindex) => getFilter(filterKey(ifindex), 'bpf'))
    const found = new Map<number, BpfFilter>()
    for (const message of apply(this.#os, enforcer.netlinkFd, requests, { accept: GONE })) {
      const filter = decodeFilter(message)
      const program = filter === null ? null : decodeBpfFilter(filter)
      if (filter !== null && program?.isDirectAction) found.set(filter.ifindex, program)
    }
    return found
  }

  #isOurs(found: BpfFilter | undefined, program: ProgramName): boolean {
    return (
      found !== undefined &&
      found.name === filterName(program) &&
      found.programId === this.#loaded.idOf('program', program)
    )
  }

  /** Looking makes nothing: where pins are missing that is what there is to say. */
  #withLoaded(look: (loaded: Loaded) => Drift[]): Drift[] {
    const { bpffsDir } = this.#instance
    this.#opened ??= openPinned(this.#os, bpffsDir)
    if (this.#opened !== null) return look(this.#opened)
    return [{ what: 'pin', subject: bpffsDir, want: 'programs and maps', have: 'none' }]
  }

  #driftOfFilters(
    loaded: Loaded,
    devices: Devices,
    link: string,
    ifindex: number,
    program: ProgramName,
  ): Drift[] {
    const qdiscs = driftOfQdiscs(devices, { ifindex, name: link })
    if (!hasIngress(devices, ifindex)) return qdiscs
    const filters = devices.filters(ifindex)
    const found = filters.find(isOurFilter)
    const bpf = found === undefined ? null : decodeBpfFilter(found)
    const have = bpf === null ? 'none' : `${bpf.name} (program ${bpf.programId})`
    const want = `${filterName(program)} (program ${loaded.idOf('program', program)})`
    const isSame = have === want && bpf?.isDirectAction === true
    return [
      ...qdiscs,
      ...(isSame ? [] : [{ what: 'filter', subject: `filter on ${link}`, want, have } as const]),
      ...driftOfForeign(filters, link, isOurFilter),
    ]
  }

  #clearForeign(enforcer: Enforcer, ifindex: number): void {
    const { netlinkFd } = enforcer
    const filters = readFilters(this.#os, netlinkFd, ifindex)
    clearForeign(this.#os, netlinkFd, filters, isOurFilter, isOurClassifier)
  }
}
