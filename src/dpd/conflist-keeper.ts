/**
 * Keeps our entry in the list that runtimes take, as long as install.sh's intent is on disk. It never makes
 * a file, and never touches one that is not whole.
 */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { readConfDir } from '../conflist/conf-dir.js'
import { intentPath, readIntent, withIntentLock, writeIntent } from '../conflist/intent-file.js'
import { replaceList, settleLeftovers } from '../conflist/replace.js'
import { type ConfDecision, type ConfState, decide } from '../core/cni/conf-choice.js'
import type { ConfIntent } from '../core/cni/conf-intent.js'
import { PLUGIN_TYPE } from '../core/cni/conflist.js'
import type { Instance } from '../core/instance.js'
import type { Os } from '../intercept/os.js'
import * as findings from './conflist-findings.js'
import { RepairPace } from './repair-pace.js'
import { Settling } from './settling.js'

const POLL_MS = 5000
/** How long what a writer's middle looks like has to stay: a file that is not whole, a list that is gone. */
const SETTLE_MS = 3000
/** Somebody has written in between, or holds the lock. */
const RETRY_MS = 200

export interface KeeperParts {
  readonly os: Pick<Os, 'flock' | 'renameExchange'>
  readonly instance: Pick<Instance, 'name' | 'stateDir'>
  /** Monotonic. */
  readonly nowMs: () => number
  readonly info: (message: string) => void
  readonly warn: (message: string) => void
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export class ConflistKeeper {
  #repaired = 0
  #findings: readonly string[] = []
  #confDir: string | null = null
  /** The list that carried us at the last look. */
  #carriedBy: string | null = null
  #dueMs = POLL_MS
  readonly #pace: RepairPace
  readonly #settling: Settling

  constructor(private readonly parts: KeeperParts) {
    this.#pace = new RepairPace(parts.nowMs)
    this.#settling = new Settling(SETTLE_MS, parts.nowMs)
  }

  get repaired(): number {
    return this.#repaired
  }

  /** Whole sentences for `dpctl status`. */
  get findings(): readonly string[] {
    return this.#findings
  }

  /** null = no intent: nothing is watched or touched. */
  get confDir(): string | null {
    return this.#confDir
  }

  /** Looks and repairs. Returns in how many ms the next look is due, if nothing is seen to change before. */
  look(): number {
    const path = intentPath(this.parts.instance.stateDir)
    this.#dueMs = POLL_MS
    try {
      const reading = readIntent(this.parts.instance.stateDir)
      const intent = reading.kind === 'intent' ? reading.intent : null
      const isOurTurn = this.#enter(intent?.confDir ?? null)
      if (reading.kind === 'damaged') this.#tell([findings.damagedFinding(path, reading.reason)])
      else if (isOurTurn) this.#tell(intent === null ? [] : this.#keep(intent))
    } catch (error) {
      this.#tell([findings.errorFinding(this.#confDir ?? path, error)])
    }
    this.#soon(this.#settling.endRound())
    return this.#dueMs
  }

  /** False = it is not our turn yet. */
  #enter(confDir: string | null): boolean {
    if (confDir === this.#confDir) return true
    const settle = (dir: string): void => {
      for (const kept of settleLeftovers(dir)) {
        this.parts.warn(`${kept}: a list that an interrupted repair took out; compare it by hand`)
      }
    }
    if (confDir !== null && !this.#inTurn(() => settle(confDir))) return false
    this.#confDir = confDir
    this.#carriedBy = null
    return true
  }

  #keep(intent: ConfIntent): string[] {
    const hasBinary = isProgram(join(intent.binDir, PLUGIN_TYPE))
    const before = this.#decide(intent)
    if (before.state.kind === 'repair' && hasBinary && this.#isDue(before.state.file, before)) {
      this.#inTurn((latest) => this.#repair(latest))
    }
    const { state, passedOver } = this.#decide(intent)
    if (state.kind === 'carried') this.#remember(intent, state)
    const told = passedOver
      .filter(({ file }) => this.#settling.hasStayed(`not whole: ${file}`))
      .map((file) => findings.passedOverFinding(intent, file))
    const finding = findings.stateFinding(intent, state)
    if (finding !== null && this.#settling.hasStayed(finding)) told.push(finding)
    if ('file' in state && this.#pace.isFight(state.file)) {
      told.push(findings.fightFinding(intent, state.file))
    }
    if (!hasBinary && 'file' in state) told.push(findings.binaryFinding(intent))
    return told
  }

  #decide({ confDir, entry }: ConfIntent): ConfDecision {
    return decide(readConfDir(confDir), { instance: this.parts.instance.name, entry })
  }

  /**
   * A list is left alone while one before it is not whole, or has just gone: in a moment that one may count
   * again, and nothing but the list that runtimes take is ours to touch.
   */
  #isDue(file: string, { passedOver }: ConfDecision): boolean {
    const before = this.#carriedBy !== null && this.#carriedBy < file ? [this.#carriedBy] : []
    const conditions = [
      ...passedOver.map((other) => `not whole: ${other.file}`),
      ...before.map((gone) => `gone: ${gone}`),
    ]
    const haveStayed = conditions.map((condition) => this.#settling.hasStayed(condition))
    const waitMs = this.#pace.waitMs(file)
    if (waitMs > 0) this.#soon(waitMs)
    return waitMs === 0 && haveStayed.every((has) => has)
  }

  /** Decides again, since all may have changed before it was our turn. */
  #repair(intent: ConfIntent): void {
    const { state } = this.#decide(intent)
    if (state.kind !== 'repair') return
    const path = join(intent.confDir, state.file)
    if (!replaceList(this.parts.os, path, state.text, state.repaired)) {
      this.#soon(RETRY_MS)
      return
    }
    this.#repaired++
    const wasFight = this.#pace.isFight(state.file)
    this.#pace.repaired(state.file)
    if (wasFight) return
    const what =
      state.need === 'missing' ? 'was missing: appended' : 'was there more than once: one is left'
    this.parts.warn(`${path}: vethwall's entry ${what}, nothing else was changed`)
  }

  #remember(intent: ConfIntent, { file, entry }: Extract<ConfState, { kind: 'carried' }>): void {
    this.#carriedBy = file
    if (JSON.stringify(entry) === JSON.stringify(intent.entry)) return
    const { stateDir } = this.parts.instance
    this.#inTurn((latest) => writeIntent(stateDir, { ...latest, entry }))
  }

  /** While nobody installs or uninstalls, and only if the intent still stands then. False = another's turn. */
  #inTurn(work: (intent: ConfIntent) => void): boolean {
    const { os, instance } = this.parts
    const hadTurn = withIntentLock(os, instance.stateDir, 0, () => {
      const reading = readIntent(instance.stateDir)
      if (reading.kind === 'intent') work(reading.intent)
      return true
    })
    if (hadTurn === null) this.#soon(RETRY_MS)
    return hadTurn ?? false
  }

  #soon(ms: number): void {
    this.#dueMs = Math.min(this.#dueMs, ms)
  }

  /** Each is said once, when it comes; and once that all is well. */
  #tell(told: readonly string[]): void {
    const { info, warn } = this.parts
    for (const finding of told) if (!this.#findings.includes(finding)) warn(finding)
    if (told.length === 0 && this.#findings.length > 0) {
      info(`${this.#confDir ?? 'the CNI configuration'}: nothing is the matter any more`)
    }
    this.#findings = told
  }
}
