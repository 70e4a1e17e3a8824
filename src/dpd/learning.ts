/** What pods in discover do, by pod name, kept over restarts. */
import * as path from 'node:path'
import * as z from 'zod'
import type { LearnedTuple } from '../core/policy/learn.js'
import { readState, writeState } from './state.js'

/** Design §5: at most so many per endpoint. */
export const LEARNED_MAX = 4096
const SAVE_MS = 5000

const tupleSchema = z.object({
  direction: z.enum(['ingress', 'egress']),
  peer: z.union([
    z.object({ namespace: z.string(), labels: z.record(z.string(), z.string()) }),
    z.object({ cidr: z.string() }),
  ]),
  protocol: z.int(),
  port: z.int(),
  app: z.string().nullable(),
  name: z.string().optional(),
})
const learnedSchema = z.object({
  schema: z.literal(1),
  pods: z.array(z.object({ pod: z.string(), tuples: z.array(tupleSchema).max(LEARNED_MAX) })),
})

export class Learning {
  /** `namespace/pod` → one tuple per key. */
  readonly #pods = new Map<string, Map<string, LearnedTuple>>()
  readonly #file: string
  #timer: NodeJS.Timeout | null = null
  #overflow = 0

  constructor(
    stateDir: string,
    private readonly onFault: (message: string) => void,
  ) {
    this.#file = path.join(stateDir, 'learned.json')
    const state = readState(this.#file, learnedSchema, onFault)
    for (const { pod, tuples } of state?.pods ?? []) {
      this.#pods.set(pod, new Map(tuples.map((tuple) => [JSON.stringify(tuple), tuple])))
    }
  }

  /** Tuples that did not fit. */
  get overflow(): number {
    return this.#overflow
  }

  learn(namespace: string, pod: string, tuple: LearnedTuple): void {
    const name = `${namespace}/${pod}`
    let tuples = this.#pods.get(name)
    if (tuples === undefined) {
      tuples = new Map()
      this.#pods.set(name, tuples)
    }
    const key = JSON.stringify(tuple)
    if (tuples.has(key)) return
    if (tuples.size >= LEARNED_MAX) {
      this.#overflow++
      return
    }
    tuples.set(key, tuple)
    this.#timer ??= setTimeout(() => this.save(), SAVE_MS)
  }

  of(namespace: string, pod: string): readonly LearnedTuple[] {
    return [...(this.#pods.get(`${namespace}/${pod}`)?.values() ?? [])]
  }

  count(namespace: string, pod: string): number {
    return this.#pods.get(`${namespace}/${pod}`)?.size ?? 0
  }

  save(): void {
    if (this.#timer === null) return
    clearTimeout(this.#timer)
    this.#timer = null
    const pods = [...this.#pods].map(([pod, tuples]) => ({ pod, tuples: [...tuples.values()] }))
    try {
      writeState(this.#file, { schema: 1, pods })
    } catch (error) {
      this.onFault(`${this.#file}: ${String(error)}; what was learned is lost at the next restart`)
    }
  }
}
