/**
 * Programs and maps of an instance, loaded once by whoever comes first (under the instance's lock)
 * and pinned; everybody else opens the pins. Layout of `<bpffsDir>`:
 * `maps-<layout>/<map>` and `programs-<version>/<program>`. A new program version of the same layout
 * shares the maps, so endpoints and heartbeat go on while filters are replaced one by one.
 */
import { join } from 'node:path'
import { relocate } from '../../core/bpf/program.js'
import type { Os } from '../os.js'
import { ensureBpffs, ensureFolder, removeFolder, removeOtherVersions } from './bpffs.js'
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

  close(): void {
    for (const fd of [...this.#maps.values(), ...this.#programs.values()]) this.#os.close(fd)
  }
}

function fdOf<K extends string>(fds: ReadonlyMap<K, number>, name: K): number {
  const fd = fds.get(name)
  if (fd === undefined) throw new Error(`bpf object ${name} is not loaded`)
  return fd
}

type Make = () => number
/** Finds an object of that kind and name, or makes it. */
type Ensure = (kind: 'map' | 'program', name: string, make: Make) => number

function ensureAll(os: Os, ensure: Ensure): Loaded {
  const maps = new Map<MapName, number>()
  const programs = new Map<ProgramName, number>()
  const loaded = new Loaded(os, maps, programs)
  try {
    for (const spec of MAPS) {
      const make = () => os.bpf.mapCreate(spec)
      maps.set(spec.name, ensure('map', spec.name, make))
    }
    for (const { name, instructions, relocations } of PROGRAMS) {
      const make = () => {
        const code = relocate(Buffer.from(instructions, 'base64'), relocations, maps)
        return os.bpf.progLoad({ name, instructions: code, license: LICENSE })
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

/** From the pins, made where there are none. */
export function load(os: Os, bpffsDir: string): Loaded {
  ensureBpffs(os)
  const folders = { map: join(bpffsDir, MAPS_FOLDER), program: join(bpffsDir, PROGRAMS_FOLDER) }
  ensureFolder(folders.map)
  ensureFolder(folders.program)
  return ensureAll(os, (kind, name, make) => {
    const path = join(folders[kind], name)
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
