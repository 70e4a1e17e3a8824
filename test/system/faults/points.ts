/**
 * The points where ADD and DEL can fail: each call of the addon and each change of a file below given
 * folders. `fs` and the addon's exports are replaced in place, so that the product runs as it is, bundled
 * or not; calls go to a trap while one is set.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

/** The call itself, with other arguments where some are given. */
export type Run = (...other: readonly unknown[]) => unknown
/** What stands for the call: it may run it, or throw. */
export type Trap = (kind: string, args: readonly unknown[], run: Run) => unknown
type Anything = (...args: readonly unknown[]) => unknown
type Exports = Record<string, unknown>

/** What changes something on disk, and what opens. By path, but for the two that take a descriptor. */
const BY_PATH = [
  'mkdirSync',
  'openSync',
  'renameSync',
  'rmSync',
  'unlinkSync',
  'rmdirSync',
] as const
const BY_DESCRIPTOR = ['writeFileSync', 'fsyncSync'] as const
const READING = 'openSync r'
const BPF = 'bpf'
/** linux/fs: a descriptor is free whatever close(2) says, and a reader of pages asks nothing of the kernel. */
const NEVER_FAILS = ['close']

function runOf(original: Anything, args: readonly unknown[]): Run {
  return (...other) => original(...(other.length > 0 ? other : args))
}

export class Points {
  #trap: Trap | null = null
  #isInside = false
  readonly #descriptors = new Set<number>()

  constructor(private readonly folders: readonly string[]) {
    this.#replaceFiles()
  }

  /** While `body` runs, every point goes to `trap`. */
  async during<T>(trap: Trap, body: () => Promise<T>): Promise<T> {
    this.#trap = trap
    try {
      return await body()
    } finally {
      this.#trap = null
      this.#descriptors.clear()
    }
  }

  /** For the rest of the process. */
  always(trap: Trap): void {
    this.#trap = trap
  }

  /** The addon's own calls, those of `bpf` and its classes left alone. */
  replaceAddon(exports: Exports): void {
    for (const [name, value] of Object.entries(exports)) {
      if (name === BPF) {
        for (const [call, bpf] of Object.entries(value as Exports)) {
          ;(value as Exports)[call] = this.#through(`bpf.${call}`, bpf as Anything)
        }
      } else if (/^[a-z]/.test(name) && typeof value === 'function') {
        exports[name] = this.#through(name, value as Anything)
      }
    }
  }

  #through(kind: string, original: Anything): Anything {
    return (...args) => {
      const run = runOf(original, args)
      return NEVER_FAILS.includes(kind) ? run() : this.#point(kind, args, run)
    }
  }

  /** A call that another one makes inside node is no point of its own. */
  #point(kind: string, args: readonly unknown[], run: Run): unknown {
    if (this.#trap === null || this.#isInside) return run()
    this.#isInside = true
    try {
      return this.#trap(kind, args, run)
    } finally {
      this.#isInside = false
    }
  }

  #isOurs(path: unknown): boolean {
    return this.folders.some((folder) => path === folder || String(path).startsWith(`${folder}/`))
  }

  #replaceFiles(): void {
    const target = fs as unknown as Record<string, Anything>
    for (const kind of BY_PATH) {
      const original = target[kind] as Anything
      target[kind] = (...args) => {
        const run = runOf(original, args)
        if (!this.#isOurs(args[0])) return run()
        const result = this.#point(args[1] === 'r' ? READING : kind, args, run)
        if (kind === 'openSync') this.#descriptors.add(Number(result))
        return result
      }
    }
    for (const kind of BY_DESCRIPTOR) {
      const original = target[kind] as Anything
      target[kind] = (...args) => {
        const run = runOf(original, args)
        return this.#descriptors.has(Number(args[0])) ? this.#point(kind, args, run) : run()
      }
    }
    const close = target.closeSync as Anything
    target.closeSync = (...args) => {
      this.#descriptors.delete(Number(args[0]))
      return close(...args)
    }
    syncBuiltinESMExports()
  }
}
