/**
 * The policy in force: sources + endpoints + overrides → one compiled generation, in the engine, the
 * kernel and the judge, in that order, one change after the other.
 */
import type { FileFault, PolicyStatus } from '../core/api/status.js'
import { type CompileInput, compile } from '../core/policy/compile.js'
import type { CompiledPolicy } from '../core/policy/compiled.js'
import { EMPTY_SOURCES, type Sources, type SourcesLoad } from './policy-sources.js'

export interface PolicyStoreParts {
  readonly sources: {
    read(): SourcesLoad | Promise<SourcesLoad>
    readLastGood(): Sources | null
  }
  /** What besides the sources goes into a compilation, at this moment. */
  readonly inputs: () => Omit<CompileInput, 'set' | 'directory' | 'generation'>
  readonly engine: { setPolicy(block: Uint8Array): Promise<void> }
  /** Resolves when the live flows are judged by it. */
  readonly judge: { setPolicy(policy: CompiledPolicy): Promise<void> }
  readonly endpoints: {
    introduce(compiled: CompiledPolicy): Promise<void>
    apply(compiled: CompiledPolicy): Promise<void>
  }
  /** After each change that is in force. */
  readonly onApplied: (compiled: CompiledPolicy, sources: Sources) => void | Promise<void>
  readonly warn: (message: string) => void
  readonly nowMs: () => number
}

interface Read {
  readonly load: SourcesLoad
  readonly atMs: number
}

export class PolicyStore {
  #sources: Sources = EMPTY_SOURCES
  #source: PolicyStatus['source'] = 'empty'
  #compiled: CompiledPolicy
  /** Of the last generation that every live flow is judged by. */
  #inForce: Omit<PolicyStatus, 'faults'>
  #faults: readonly FileFault[] = []
  /** When reading the sources began: what was written before it is in them. */
  #readAtMs: number
  #failedLoads = 0
  #turn: Promise<void> = Promise.resolve()
  /** Reads come one after the other; `#nextRead` has not begun. */
  #lastRead: Promise<unknown> = Promise.resolve()
  #nextRead: Promise<Read> | null = null

  /** `initial` is what the judge was made with: empty, generation 0. */
  constructor(
    private readonly parts: PolicyStoreParts,
    initial: CompiledPolicy,
  ) {
    this.#compiled = initial
    this.#readAtMs = parts.nowMs()
    this.#inForce = this.#statusOf(initial.generation)
  }

  get compiled(): CompiledPolicy {
    return this.#compiled
  }

  get sources(): Sources {
    return this.#sources
  }

  get failedLoads(): number {
    return this.#failedLoads
  }

  status(): PolicyStatus {
    return { ...this.#inForce, faults: [...this.#faults] }
  }

  #statusOf(generation: number): Omit<PolicyStatus, 'faults'> {
    const { policies } = this.#sources.set
    return {
      generation,
      policies: policies.length,
      rules: policies.reduce(
        (sum, { ingress, egress }) => sum + (ingress?.length ?? 0) + (egress?.length ?? 0),
        0,
      ),
      source: this.#source,
      loadedAt: new Date(this.#readAtMs).toISOString(),
    }
  }

  /** Runs `work` when all changes before it are in force. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.then(
      () => undefined,
      () => undefined,
    )
    return result
  }

  /** At start and whenever a file changed. Other changes need not wait until it is read. */
  async reload(): Promise<void> {
    const read = await this.#read()
    await this.inTurn(async () => {
      if (this.#take(read)) await this.#enforce()
    })
  }

  #read(): Promise<Read> {
    if (this.#nextRead !== null) return this.#nextRead
    const read = this.#lastRead.then(async () => {
      this.#nextRead = null
      const atMs = this.parts.nowMs()
      return { load: await this.parts.sources.read(), atMs }
    })
    this.#nextRead = read
    this.#lastRead = read.catch(() => undefined)
    return read
  }

  /** The endpoints or the overrides changed; call it within `inTurn`. */
  recompile(): Promise<void> {
    return this.#enforce()
  }

  /** True where there is something new to enforce. */
  #take({ load, atMs }: Read): boolean {
    if (load.ok) {
      this.#faults = []
      this.#use(load.sources, 'files', atMs)
      return true
    }
    this.#faults = load.faults
    this.#failedLoads++
    for (const { file, line, column, message } of load.faults) {
      this.parts.warn(`${file}:${line}:${column}: ${message}; the policy set before stays in force`)
    }
    if (this.#source !== 'empty') return false
    const lastGood = this.parts.sources.readLastGood()
    if (lastGood === null) return true
    this.#use(lastGood, 'last-good', atMs)
    return true
  }

  #use(sources: Sources, source: PolicyStatus['source'], readAtMs: number): void {
    this.#sources = sources
    this.#source = source
    this.#readAtMs = readAtMs
  }

  async #enforce(): Promise<void> {
    const { set, directory } = this.#sources
    const generation = this.#compiled.generation + 1
    const compiled = compile({ ...this.parts.inputs(), set, directory, generation })
    await this.parts.endpoints.introduce(compiled)
    await this.parts.engine.setPolicy(compiled.l4Block)
    await this.parts.endpoints.apply(compiled)
    this.#compiled = compiled
    await this.parts.judge.setPolicy(compiled)
    this.#inForce = this.#statusOf(generation)
    await this.parts.onApplied(compiled, this.#sources)
  }
}
