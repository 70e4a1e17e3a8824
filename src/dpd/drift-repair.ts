/** One pass over everything of ours in the kernel: what differs is set back, in the order that protects. */
import type { EndpointRecord } from '../core/endpoint.js'
import type { Drift, PathSetting } from '../intercept/driver.js'
import type { DriftBook } from './drift-book.js'
import { nameOf } from './endpoint-name.js'
import type { Endpoint, Endpoints } from './endpoints.js'
import type { Pipes } from './pipes.js'

export interface DriftRepairParts {
  readonly pipes: Pick<Pipes, 'survey' | 'mendShared' | 'mend' | 'keep' | 'isAlive'>
  readonly endpoints: Pick<Endpoints, 'all'>
  readonly book: DriftBook
  readonly warn: (message: string) => void
}

/** Reading two interfaces with all their settings costs more than the rest of a pass. */
const KEEP_PASSES = 8
/** Where more endpoints than that are due, one at so many passes. */
const CROWD_KEEP_PASSES = 4
/** Endpoints read anew at each pass, should a notification ever have been missed. */
const TURN = 16
const SHARED = 'what all endpoints share'

const isLinkGone = ({ what, have }: Drift): boolean => what === 'link' && have === 'none'

/** undefined: what is to be in force is not known yet, or could not be set. */
function settingOf(endpoint: Endpoint): PathSetting | undefined {
  const { applied, path, failure, mode, epoch } = endpoint
  return applied ? { path, failure, strict: mode === 'protect', epoch } : undefined
}

/** Until policy is applied the failure setting is all there is. */
function untilApplied({ failure }: Endpoint): PathSetting {
  return { path: failure === 'open' ? 'direct' : 'quarantine', failure }
}

/** One look at an endpoint: what it was compared with, and how that went. */
interface Look {
  readonly as: string
  readonly isSound: boolean
}

function lookOf({ record, applied, path, failure, mode, epoch }: Endpoint): string {
  return `${record.createdAt} ${applied} ${path} ${failure} ${mode} ${epoch}`
}

export class DriftRepair {
  /** Endpoints that lacked a link at the pass before. */
  #lacking = new Set<string>()
  /** By endpoint id, at which pass its interfaces were last looked at. */
  readonly #keptAt = new Map<number, number>()
  readonly #looked = new Map<number, Look>()
  #next = 0
  #passes = 0

  constructor(private readonly parts: DriftRepairParts) {}

  get passes(): number {
    return this.#passes
  }

  /** True = an endpoint that policy could not be applied to is whole again. */
  pass(): boolean {
    const { pipes, endpoints, book } = this.parts
    book.retain(new Set([SHARED, ...endpoints.all().map(({ record }) => nameOf(record))]))
    // Rules are looked at by `RuledPods`.
    const all = endpoints.all().filter(({ record }) => record.links !== null)
    const records = all.map(({ record }) => record)
    const turn = this.#turn(records)
    let survey = pipes.survey(records, turn)
    let { touched } = survey
    if (this.#settle(SHARED, survey.shared, () => pipes.mendShared())) {
      survey = pipes.survey(records, turn)
      touched = null
    }
    const due = this.#due(all, touched, turn)
    const lacking = new Set<string>()
    let wantsPolicy = false
    for (const endpoint of due) {
      const { record } = endpoint
      const drift = survey.endpoint(record, settingOf(endpoint))
      this.#looked.set(record.id, { as: lookOf(endpoint), isSound: drift.length === 0 })
      if (drift.some(isLinkGone) && !this.#isMissed(record, lacking)) continue
      const setting = settingOf(endpoint) ?? untilApplied(endpoint)
      const isMended = this.#settle(nameOf(record), drift, () => pipes.mend(record, setting))
      if (isMended && !endpoint.applied) wantsPolicy = true
    }
    this.#lacking = lacking
    this.#keepNext(records.filter(({ id }) => this.#looked.get(id)?.isSound === true))
    this.#passes++
    return wantsPolicy
  }

  /** Whose turn it is to be read anew, whatever the kernel told. */
  #turn(records: readonly EndpointRecord[]): readonly EndpointRecord[] {
    const first = this.#next >= records.length ? 0 : this.#next
    this.#next = first + TURN
    return records.slice(first, first + TURN)
  }

  /** Who may differ, and who is not known to be sound. */
  #due(
    all: readonly Endpoint[],
    touched: ReadonlySet<number> | null,
    turn: readonly EndpointRecord[],
  ): readonly Endpoint[] {
    const ids = new Set(all.map(({ record }) => record.id))
    for (const id of this.#looked.keys()) if (!ids.has(id)) this.#looked.delete(id)
    if (touched === null) return all
    const turns = new Set(turn)
    return all.filter((endpoint) => {
      const { record } = endpoint
      const look = this.#looked.get(record.id)
      const isKnown = look?.isSound === true && look.as === lookOf(endpoint)
      return !isKnown || touched.has(record.id) || turns.has(record)
    })
  }

  /**
   * A link that is gone is often the first sign of a pod that goes: it is made anew only if it is
   * missing at the next pass too, and the pod still there.
   */
  #isMissed(record: EndpointRecord, lacking: Set<string>): boolean {
    lacking.add(nameOf(record))
    return this.#lacking.has(nameOf(record)) && this.parts.pipes.isAlive(record)
  }

  /** True = something was repaired. */
  #settle(
    who: string,
    drift: readonly Drift[],
    mend: () => ReturnType<Pipes['mendShared']>,
  ): boolean {
    const { book } = this.parts
    if (drift.length === 0) {
      book.clear(who)
      return false
    }
    const mended = mend()
    // A plugin is at work on it: the next pass looks again.
    return mended !== null && book.note(who, mended)
  }

  /** At most one endpoint a pass, fewer of a crowd: needed only when an interface has to be made anew. */
  #keepNext(sound: readonly EndpointRecord[]): void {
    const due = sound
      .map((record) => ({ record, at: this.#keptAt.get(record.id) ?? -KEEP_PASSES }))
      .filter(({ at }) => this.#passes - at >= KEEP_PASSES)
      .sort((a, b) => a.at - b.at)
    const record = due[0]?.record
    if (record === undefined) return
    if (sound.length > KEEP_PASSES && this.#passes % CROWD_KEEP_PASSES !== 0) return
    this.#keptAt.set(record.id, this.#passes)
    try {
      this.parts.pipes.keep(record)
    } catch (error) {
      this.parts.warn(`${nameOf(record)}: its interfaces are not kept on disk: ${String(error)}`)
    }
  }
}
