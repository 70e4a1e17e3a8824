/** Says of the stage whether its pod is intercepted, or as it was, and whether something was left over. */

import { isDeepStrictEqual } from 'node:util'
import type { Test } from 'tap'
import { linksOf } from '../../../src/core/endpoint.js'
import type { Outcome } from '../../../src/plugin/dispatch.js'
import { until } from '../../process.js'
import { NOTHING, type Snapshot, type Stage, type Verb } from './stage.js'
import type { Injection } from './sweep.js'

/** How long linkwatch and the like may take until two dumps are alike. */
const SETTLE_MS = 2000

type Home = Omit<Snapshot, 'ifindex'>

/** A difference as text costs time: only where there is one. */
function same(t: Test, have: unknown, want: unknown, name: string): void {
  if (isDeepStrictEqual(have, want)) t.pass(name)
  else t.strictSame(have, want, name)
}

/** Polls until it is as wanted or time is up; gives the last. */
async function settled<T>(read: () => Promise<T>, want: unknown): Promise<T> {
  const deadline = Date.now() + SETTLE_MS
  for (;;) {
    const have = await read()
    if (isDeepStrictEqual(have, want) || Date.now() > deadline) return have
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

export class Judge {
  #name = ''

  private constructor(
    private readonly t: Test,
    private readonly stage: Stage,
    /** The pod after an ADD and a DEL without a fault. */
    private readonly home: Home,
    /** The index that eth0 is to have when it is home. */
    private ifindex: unknown,
  ) {}

  static async at(t: Test, stage: Stage): Promise<Judge> {
    for (const verb of ['ADD', 'CHECK', 'DEL'] as const) {
      const { status, stdout } = await stage.run(verb)
      if (status !== 0) throw new Error(`${verb} without a fault: ${stdout}`)
    }
    // Duplicate address detection takes its time on the bridge.
    await until('addresses are settled', async () => {
      return !JSON.stringify(await stage.snapshot()).includes('tentative')
    })
    const { ifindex, ...home } = await stage.snapshot()
    return new Judge(t, stage, home, ifindex)
  }

  /** What is judged next. */
  names(name: string): void {
    this.#name = name
  }

  /** Whatever comes of it, no descriptor stays open. */
  async run(verb: Verb, injection: Injection): Promise<Outcome> {
    const before = this.stage.descriptors()
    const outcome = await this.stage.run(verb, injection.trap)
    this.#name = `${verb} ${injection}`
    const after = await settled(async () => this.stage.descriptors(), before)
    if (after !== before) this.t.equal(after, before, `${this.#name}: descriptors`)
    return outcome
  }

  async succeeds(verb: Verb): Promise<void> {
    const { status, stdout } = await this.stage.run(verb)
    if (status !== 0) this.t.fail(`${this.#name}: then ${verb} says ${stdout}`)
  }

  async isIntercepted(): Promise<void> {
    await this.succeeds('CHECK')
    const record = this.stage.record()
    this.ifindex = record === undefined || record === null ? undefined : linksOf(record).podIfindex
  }

  async isHome(): Promise<void> {
    const want = { ifindex: this.ifindex, ...this.home }
    same(this.t, await settled(() => this.stage.snapshot(), want), want, `${this.#name}: as it was`)
  }

  /** Where the enforcer is half made. */
  async isOutsideHome(): Promise<void> {
    const { enforcer: _, ...outside } = this.home
    const want = { ifindex: this.ifindex, ...outside }
    same(this.t, await settled(() => this.stage.outside(), want), want, `${this.#name}: as it was`)
  }

  /** `but`: files that others will see to. */
  nothingRemains(but = /^$/): void {
    const { files, ...rest } = this.stage.remains()
    const remains = { files: files.filter((file) => !but.test(file)), ...rest }
    if (isDeepStrictEqual(remains, NOTHING)) return
    this.t.strictSame(remains, NOTHING, `${this.#name}: nothing remains`)
    this.stage.removeFiles(remains.files)
  }
}
