/** All endpoints that are attached by rules: their paths, and their rules set back where somebody changed them. */
import { type EndpointRecord, isSameAttachment } from '../../core/endpoint.js'
import type { CompiledPolicy } from '../../core/policy/compiled.js'
import { nextMark, type RuledPath } from '../../core/xtables/pod-chains.js'
import type { PathSetting } from '../../intercept/driver.js'
import { keyLockPath, readRecord } from '../../intercept/endpoint-records.js'
import { withKeyLockAside } from '../../intercept/lock.js'
import type { DriftBook, Mended } from '../drift-book.js'
import { nameOf } from '../endpoint-name.js'
import { verdictsOf } from '../verdicts.js'
import { type RuledParts, RuledPod } from './ruled-pod.js'
import { Turnstile } from './turnstile.js'

/** Processes at once: each iptables-restore is some 15 ms of a processor. */
const CONCURRENCY = 4
/** Tables are read where nf_tables tells a change, and after so long in any case. */
const READ_MS = 60_000
/** The legacy back end tells none: a read is two processes, some 25 ms of a processor. */
const UNTOLD_READ_MS = 10_000

export interface RuledPodsParts extends RuledParts {
  readonly book: DriftBook
  readonly nowMs: () => number
  readonly warn: (message: string) => void
}

interface Entry {
  readonly pod: RuledPod
  verdicts: string | null
  mark: number
  /** What is to be in force. */
  wanted: RuledPath | null
  isInForce: boolean
  /** Of the ruleset, at the last look that found all well. */
  generation: number | null
  readAtMs: number
  /** Changes of one pod's tables come one after the other. */
  turn: Promise<unknown>
}

/** DEL came: the pod's rules are the plugin's to take away. */
class WithdrawnError extends Error {
  override readonly name = 'WithdrawnError'
}

export class RuledPods {
  readonly #entries = new Map<number, Entry>()
  readonly #turnstile = new Turnstile(CONCURRENCY)

  constructor(private readonly parts: RuledPodsParts) {}

  get size(): number {
    return this.#entries.size
  }

  /** Resolves when the pod's tables and its queue have it in force. */
  async apply(record: EndpointRecord, setting: PathSetting, compiled: CompiledPolicy) {
    const entry = await this.#entry(record)
    await this.#inTurn(entry, async () => {
      const { path, failure } = setting
      const verdicts = verdictsOf(compiled, record.id)
      // The first time: the kernel may hold marks that a dpd before this one gave.
      if (entry.mark === 0) entry.mark = nextMark(await entry.pod.readMark())
      else if (verdicts !== entry.verdicts) entry.mark = nextMark(entry.mark)
      entry.verdicts = verdicts
      const wanted: RuledPath = { path, failure, mark: entry.mark }
      if (entry.isInForce && isSamePath(entry.wanted, wanted)) return
      entry.wanted = wanted
      entry.isInForce = false
      await this.#whileOurs(record, () => entry.pod.set(wanted))
      entry.isInForce = true
      entry.generation = null
      entry.readAtMs = 0
    })
  }

  async forget(id: number): Promise<void> {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    this.#entries.delete(id)
    await this.#inTurn(entry, () => entry.pod.close())
  }

  /** One pass over all of them. True = one that could not be set is whole again. */
  async look(): Promise<boolean> {
    const looks = [...this.#entries.values()].map((entry) =>
      this.#inTurn(entry, () => this.#lookAt(entry)).catch((error: unknown) => {
        if (error instanceof WithdrawnError) return false
        this.parts.warn(`${nameOf(entry.pod.record)}: its rules can't be read: ${String(error)}`)
        return false
      }),
    )
    return (await Promise.all(looks)).some((isWhole) => isWhole)
  }

  async #lookAt(entry: Entry): Promise<boolean> {
    const { book, nowMs } = this.parts
    const { pod, wanted } = entry
    if (wanted === null || !this.#entries.has(pod.record.id)) return false
    const generation = pod.rulesetGeneration()
    const dueMs = entry.readAtMs + (generation === null ? UNTOLD_READ_MS : READ_MS)
    const isUnchanged = generation === entry.generation && nowMs() < dueMs
    if (entry.isInForce && isUnchanged) return false
    const who = nameOf(pod.record)
    const found = await pod.drift(wanted)
    if (found.length === 0 && entry.isInForce) {
      // Before the read: what changes meanwhile is seen next time. The first read tells the back end.
      entry.generation = generation ?? pod.rulesetGeneration()
      entry.readAtMs = nowMs()
      book.clear(who)
      return false
    }
    const mended = await this.#whileOurs(pod.record, () => mend(entry, wanted, found))
    book.note(who, mended)
    const wasInForce = entry.isInForce
    entry.isInForce = mended.left.length === 0 && mended.fault === null
    return entry.isInForce && !wasInForce
  }

  async #entry(record: EndpointRecord): Promise<Entry> {
    const known = this.#entries.get(record.id)
    if (known !== undefined && isSameAttachment(known.pod.record, record)) return known
    if (known !== undefined) await this.forget(record.id)
    const entry: Entry = {
      ...{ pod: RuledPod.open(this.parts, record), verdicts: null, mark: 0, wanted: null },
      ...{ isInForce: false, generation: null, readAtMs: 0, turn: Promise.resolve() },
    }
    this.#entries.set(record.id, entry)
    return entry
  }

  /** Under the endpoint's key lock, which its ADD and DEL take. */
  #whileOurs<T>(record: EndpointRecord, action: () => Promise<T>): Promise<T> {
    const { os, instance, warn } = this.parts
    return withKeyLockAside(os, keyLockPath(instance, record), () => {
      const current = readRecord(instance, record, warn)
      if (current !== null && isSameAttachment(current, record)) return action()
      throw new WithdrawnError(`${nameOf(record)}: DEL came`)
    })
  }

  #inTurn<T>(entry: Entry, work: () => Promise<T>): Promise<T> {
    const result = entry.turn.then(() => this.#turnstile.through(work))
    entry.turn = result.catch(() => undefined)
    return result
  }
}

function isSamePath(a: RuledPath | null, b: RuledPath): boolean {
  return a !== null && a.path === b.path && a.failure === b.failure && a.mark === b.mark
}

async function mend({ pod }: Entry, wanted: RuledPath, found: Mended['found']): Promise<Mended> {
  try {
    await pod.reset(wanted)
    return { found, left: await pod.drift(wanted), fault: null }
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error)
    return { found, left: found, fault }
  }
}
