/**
 * What a change of endpoints or policy takes for a moment stays with the process: V8's old generation is
 * as large as it ever was, malloc's arenas are too. When changes have come to rest it is given back.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { addon } from '../intercept/addon.js'

/** The main thread stands still for some 100 ms then: not between the pods of one rollout. */
const REST_MS = 10_000

export class Leftovers {
  #timer: NodeJS.Timeout | null = null

  constructor(
    private readonly giveBack: () => void,
    private readonly restMs = REST_MS,
  ) {}

  changed(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.giveBack(), this.restMs).unref()
  }
}

/** In this turn and the next one. */
export function giveBackMemory(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  setImmediate(() => {
    // Buffers are freed after the turn that collects them, and by another thread, which the next collection waits for.
    collect()
    trim()
  })
}

function trim(): void {
  const { mallocTrim } = addon() as { readonly mallocTrim?: () => void }
  mallocTrim?.()
}
