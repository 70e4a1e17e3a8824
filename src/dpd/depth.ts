/** How deep an endpoint's flows are read, and by what the engine is told so. */
import { type EndpointRecord, LOOPBACK, type Mode } from '../core/endpoint.js'
import { type Glob, matchGlob, parseGlob } from '../core/policy/glob.js'

/**
 * rules: what the rules ask for and no more. identify: until it is known what a flow is, and what its first
 * transaction says. transactions: as long as there are any. content: to the end, never passed by the kernel.
 */
export const DEPTHS = ['rules', 'identify', 'transactions', 'content'] as const
export type Depth = (typeof DEPTHS)[number]

/** `namespace/pod` globs, from dpd.yaml. */
export type DepthGlobs = Readonly<Partial<Record<Exclude<Depth, 'rules'>, readonly string[]>>>

export class Depths {
  readonly #globs: readonly (readonly [Depth, readonly Glob[]])[]

  constructor(globs: DepthGlobs) {
    const deepestFirst = ['content', 'transactions', 'identify'] as const
    this.#globs = deepestFirst.map((depth) => [depth, (globs[depth] ?? []).map(parseGlob)])
  }

  /** The deepest that names the pod. Outside protect a copy costs the pod nothing: it is read to learn and to record. */
  of({ namespace, pod, ifName }: EndpointRecord, mode: Mode): Depth {
    const name = `${namespace}/${pod}`
    const named = this.#globs.find(([, globs]) => globs.some((glob) => matchGlob(glob, name)))
    if (named !== undefined) return named[0]
    return mode !== 'protect' || ifName === LOOPBACK ? 'transactions' : 'rules'
  }
}

/** The engine's part of it. */
export function readsOf(depth: Depth) {
  return {
    deliverAll: depth === 'content',
    identifies: depth === 'identify' || depth === 'transactions',
  }
}
