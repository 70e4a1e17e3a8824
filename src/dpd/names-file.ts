/** Learned names over a restart of the daemon: clients go on with what they have in their caches. */
import { join } from 'node:path'
import * as z from 'zod'
import { readAddress } from '../core/address.js'
import type { Instance } from '../core/instance.js'
import { LearnedNames, monotonicMs } from './engine/learned-names.js'
import { readState, writeState } from './state.js'

/** What was learned later is lost where the daemon is killed. */
const SAVE_MS = 1000

/** Of CLOCK_MONOTONIC: the file lives where a reboot forgets it. */
const namesSchema = z.object({
  schema: z.literal(1),
  names: z.array(
    z.object({
      endpoint: z.int().min(1).max(0x3fff),
      address: z.string().refine((text) => readAddress(text) !== null),
      name: z.string().max(1_040),
      expiresMs: z.number().min(0),
    }),
  ),
})

/** The daemon's: one store of all its threads. */
export function openNames(
  { runDir }: Instance,
  graceMs: number,
  onFault: (message: string) => void,
) {
  const names = new LearnedNames({ isShared: true, graceMs, nowMs: monotonicMs })
  return { names, namesFile: new NamesFile(join(runDir, 'names.json'), names, onFault) }
}

export class NamesFile {
  #saved = 0
  readonly #timer: NodeJS.Timeout

  constructor(
    private readonly file: string,
    private readonly names: LearnedNames,
    private readonly onFault: (message: string) => void,
  ) {
    this.#timer = setInterval(() => this.save(), SAVE_MS).unref()
  }

  /** Ids of endpoints that are gone may be others' by now. */
  restore(adopted: readonly number[]): void {
    const kept = readState(this.file, namesSchema, this.onFault)?.names ?? []
    const live = new Set(adopted)
    this.names.restore(kept.filter(({ endpoint }) => live.has(endpoint)))
    this.#saved = this.names.learned
  }

  save(): void {
    const { learned } = this.names
    if (learned === this.#saved) return
    try {
      writeState(this.file, { schema: 1, names: this.names.records() })
      this.#saved = learned
    } catch (error) {
      this.onFault(`${this.file}: ${String(error)}; fqdn peers are forgotten at the next restart`)
    }
  }

  close(): void {
    clearInterval(this.#timer)
    this.save()
  }
}
