/**
 * Programs and maps of an instance, loaded once by whoever comes first (under the instance's lock)
 * and pinned; everybody else opens the pins. Layout of `<bpffsDir>`:
 * `maps-<layout>/<map>` and `programs-<version>/<program>`. A new program version of the same layout
 * shares the maps, so endpoints and heartbeat go on while filters are replaced one by one.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { relocate, withClassid } from '../../core/bpf/program.js'
import type { Drift } from '../driver.js'
import { type Os, OsError } from '../os.js'
import {
  BPFFS_PATH,
  ensureBpffs,
  ensureFolder,
  isBpffs,
  removeFolder,
  removeOtherVersions,
} from './bpffs.js'
import { MAPS, MAPS_VERSION, PROGRAM_VERSION, PROGRAMS } from './program.generated.js'

export type MapName = (typeof MAPS)[number]['name']
export type ProgramName = (typeof PROGRAMS)[number]['name']

const PROGRAMS_PREFIX = 'programs-'
const PROGRAMS_FOLDER = PROGRAMS_PREFIX + PROGRAM_VERSION
const MAPS_PREFIX = 'maps-'
const MAPS_FOLDER = MAPS_PREFIX + MAPS_VERSION
/** bpf_redirect and its kin ask for no GPL program; bpf_ktime_get_ns does not either since 5.8. */
const LICENSE = 'Apache-2.0'

export class Loaded {
  readonly #os: Os
  readonly #maps: ReadonlyMap<MapName, number>
  readonly #programs: ReadonlyMap<ProgramName, number>

  constructor(
    os: Os,
    maps: ReadonlyMap<MapName, number>,
    programs: ReadonlyMap<ProgramName, number>,
  ) {
    this.#os = os
    this.#maps = maps
    this.#programs = programs
  }

  mapFd(name: MapName): number {
    return fdOf(this.#maps, name)
  }

  programFd(name: ProgramName): number {
    return fdOf(this.#programs, name)
  }

  fdOf(kind: Kind, name: string): number {
    return kind === 'map' ? fdOf(this.#maps, name) : fdOf(this.#programs, name)
  }

  /** The kernel's number, which filters and pins tell. */
  idOf(kind: Kind, name: string): number {
    return this.#os.bpf.objectId(this.fdOf(kind, name))
  }

  /** A program of its own for one endpoint, whose hook has no filter to tell the class by; unpinned. */
  loadForClass(program: ProgramName, name: string, classid: number): number {
    const spec = PROGRAMS.find((known) => known.name === program)
    if (spec === undefined) throw new Error(`bpf program ${program} is not in this build`)
    const { instructions: text, relocations } = spec.code()
    const code = withClassid(Buffer.from(text, 'base64'), classid)
    const instructions = relocate(code, relocations, this.#maps)
    return this.#os.bpf.progLoad({ name, instructions, license: LICENSE })
  }

  close(): void {
    for (const fd of [...this.#maps.values(), ...this.#programs.values()]) this.#os.close(fd)
  }
}

function fdOf(fds: ReadonlyMap<string, number>, name: string): number {
  const fd = fds.get(name)
  if (fd === undefined) throw new Error(`bpf object ${name} is not loaded`)
  return fd
}

type Kind = 'map' | 'program'
type Make = () => number
/** Finds an object of that kind and name, or makes it. */
type Ensure = (kind: Kind, name: string, make: Make) => number

function ensureAll(os: Os, ensure: Ensure): Loaded {
  const maps = new Map<MapName, number>()
  const programs = new Map<ProgramName, number>()
  const loaded = new Loaded(os, maps, programs)
  try {
    for (const spec of MAPS) {
      const make = () => os.bpf.mapCreate(spec)
      maps.set(spec.name, ensure('map', spec.name, make))
    }
    for (const { name, code } of PROGRAMS) {
      const make = () => {
        const { instructions: text, relocations } = code()
        const instructions = relocate(Buffer.from(text, 'base64'), relocations, maps)
        return os.bpf.progLoad({ name, instructions, license: LICENSE })
      }
      programs.set(name, ensure('program', name, make))
    }
    return loaded
  } catch (error) {
    loaded.close()
    throw error
  }
}

/** Everything fresh and unpinned: gone with its descriptors. */
export function createAll(os: Os): Loaded {
  return ensureAll(os, (_kind, _name, make) => make())
}

const FOLDERS = { map: MAPS_FOLDER, program: PROGRAMS_FOLDER } as const

function pinPath(bpffsDir: string, kind: Kind, name: string): string {
  return join(bpffsDir, FOLDERS[kind], name)
}

function ensureFolders(os: Os, bpffsDir: string): void {
  ensureBpffs(os)
  for (const folder of Object.values(FOLDERS)) ensureFolder(join(bpffsDir, folder))
}

/** From the pins, made where there are none. */
export function load(os: Os, bpffsDir: string): Loaded {
  ensureFolders(os, bpffsDir)
  return ensureAll(os, (kind, name, make) => {
    const path = pinPath(bpffsDir, kind, name)
    const pinned = os.bpf.get(path)
    if (pinned !== null) return pinned
    const fd = make()
    try {
      os.bpf.pin(fd, path)
      return fd
    } catch (error) {
      os.close(fd)
      throw error
    }
  })
}

const NAMES: readonly (readonly [Kind, string])[] = [
  ...MAPS.map(({ name }) => ['map', name] as const),
  ...PROGRAMS.map(({ name }) => ['program', name] as const),
]

/** The kernel's number of what a pin leads to; null = nothing that can be opened. */
function pinnedId(os: Os, path: string): number | null {
  let fd: number | null = null
  try {
    fd = os.bpf.get(path)
    return fd === null ? null : os.bpf.objectId(fd)
  } catch (error) {
    if (error instanceof OsError) return null
    throw error
  } finally {
    if (fd !== null) os.close(fd)
  }
}

function differingPins(os: Os, bpffsDir: string, loaded: Loaded) {
  return NAMES.flatMap(([kind, name]) => {
    const path = pinPath(bpffsDir, kind, name)
    const have = pinnedId(os, path)
    const want = loaded.idOf(kind, name)
    return have === want ? [] : [{ kind, name, path, want, have }]
  })
}

/** Who finds no pins, or others, loads or uses maps of its own: endpoints of two minds. */
export function driftOfPins(os: Os, bpffsDir: string, loaded: Loaded): Drift[] {
  if (!isBpffs(BPFFS_PATH)) {
    return [{ what: 'mount', subject: BPFFS_PATH, want: 'a BPF file system', have: 'none' }]
  }
  return differingPins(os, bpffsDir, loaded).map(({ kind, path, want, have }) => ({
    ...{ what: 'pin', subject: path, want: `${kind} ${want}` },
    have: have === null ? 'none' : `${kind} ${have}`,
  }))
}

/** What this process holds wins: the engine's heartbeat and every filter that it has set are in it. */
export function repairPins(os: Os, bpffsDir: string, loaded: Loaded): void {
  ensureFolders(os, bpffsDir)
  for (const { kind, name, path } of differingPins(os, bpffsDir, loaded)) {
    rmSync(path, { force: true })
    os.bpf.pin(loaded.fdOf(kind, name), path)
  }
}

/** Opens the pins as they are, and makes nothing; null = not all of them are there. */
export function openPinned(os: Os, bpffsDir: string): Loaded | null {
  if (!isBpffs(BPFFS_PATH)) return null
  const opened: number[] = []
  const missing = new Error('no such pin')
  try {
    return ensureAll(os, (kind, name) => {
      const fd = os.bpf.get(pinPath(bpffsDir, kind, name))
      if (fd === null) throw missing
      opened.push(fd)
      return fd
    })
  } catch (error) {
    for (const fd of opened) os.close(fd)
    if (error === missing) return null
    throw error
  }
}

/** Only the names go; what filters still use lives until they are replaced. */
export function unpinOtherVersions(bpffsDir: string): void {
  removeOtherVersions(bpffsDir, PROGRAMS_PREFIX, PROGRAMS_FOLDER)
  removeOtherVersions(bpffsDir, MAPS_PREFIX, MAPS_FOLDER)
}

/** Everything that the instance has pinned. */
export function unpin(bpffsDir: string): void {
  removeOtherVersions(bpffsDir, '', '')
  removeFolder(bpffsDir)
}
