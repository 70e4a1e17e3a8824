/** Our entry into the CNI configuration and out of it; the intent that dpd keeps it by. */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readConfDir, readConfText } from '../conflist/conf-dir.js'
import { readIntent, removeIntent, withIntentLock, writeIntent } from '../conflist/intent-file.js'
import { replaceList, settleLeftovers } from '../conflist/replace.js'
import { type ConfState, type ConfWish, decide } from '../core/cni/conf-choice.js'
import { bareEntry } from '../core/cni/conf-intent.js'
import { appendEntry, PLUGIN_TYPE, removeEntry } from '../core/cni/conflist.js'
import type { Instance } from '../core/instance.js'
import { os } from '../intercept/addon.js'
import { LOCK_TIMEOUT_MS } from '../intercept/lock.js'
import { writeStateFile } from '../intercept/state-file.js'

/** Not .conf, .conflist or .json: no runtime reads it. */
const ORIGINAL_SUFFIX = '.vethwall-original'
const TRIES = 50

export interface ConfSetting {
  /** Everything is read and written below it; what is written names paths without it. '' = this machine. */
  readonly root: string
  readonly confDir: string
  readonly binDir: string
  readonly instance: Instance
  readonly say: (text: string) => void
}

/** Who rewrites the list at this moment comes to an end. */
function persistently(path: string, attempt: () => boolean): void {
  for (let i = 0; i < TRIES; i++) if (attempt()) return
  throw new Error(`${path}: it changes all the time: run install.sh again`)
}

function inTurn(stateDir: string, work: () => void): void {
  const hadTurn = withIntentLock(os, stateDir, LOCK_TIMEOUT_MS, () => {
    work()
    return true
  })
  if (hadTurn === null) throw new Error(`${stateDir} is locked for over ${LOCK_TIMEOUT_MS} ms`)
}

/** The intent also where there is no list yet: dpd appends when the primary CNI has written its own. */
export function addEntry({ root, confDir, binDir, instance, say }: ConfSetting): void {
  const stateDir = join(root, instance.stateDir)
  const dir = join(root, confDir)
  const reading = readIntent(stateDir)
  const known = reading.kind === 'intent' ? reading.intent.entry : bareEntry(instance.name)
  // First, since it makes the folder that the lock is on.
  writeIntent(stateDir, { confDir, binDir, entry: known })
  inTurn(stateDir, () => {
    for (const kept of settleLeftovers(dir)) say(`${kept}: taken out by an interrupted repair`)
    persistently(dir, () => appendToFirst(dir, { instance: instance.name, entry: known }, say))
  })
}

/** Into the list that runtimes take; false = it changed meanwhile. */
function appendToFirst(dir: string, wish: ConfWish, say: ConfSetting['say']): boolean {
  const { state, passedOver } = decide(readConfDir(dir), wish)
  const problem = problemOf(state)
  if ('text' in state && problem === null) {
    const path = join(dir, state.file)
    const edit = appendEntry(state.text, wish.entry)
    if (edit.kind === 'changed') {
      if (state.kind === 'repair') writeStateFile(path + ORIGINAL_SUFFIX, state.text, 0o644)
      if (!replaceList(os, path, state.text, edit.text)) return false
    }
    say(`${path}: ${edit.kind === 'changed' ? 'vethwall appended' : 'vethwall is there already'}`)
  }
  for (const { file, reason } of passedOver) say(`${join(dir, file)}: passed over: ${reason}`)
  if (problem !== null) say(`${dir}: ${problem}`)
  return true
}

function problemOf(state: ConfState): string | null {
  switch (state.kind) {
    case 'carried':
    case 'repair':
      return null
    case 'none':
      return 'no conflist to append to: dpd appends vethwall when the primary CNI has written its own'
    case 'single':
      return `${state.file} comes first, and a single plugin's configuration cannot carry vethwall: remove it, or make it a .conflist; dpd then appends vethwall`
    case 'unfit':
      return `${state.file} comes first and cannot carry vethwall: ${state.reason}`
    case 'foreign':
      return `${state.file} has the entry of instance ${state.instance}, which is left as it is`
  }
}

/** The lists stay as they are, now and later. */
export function forgetEntry({ root, instance }: ConfSetting): void {
  const stateDir = join(root, instance.stateDir)
  inTurn(stateDir, () => removeIntent(stateDir))
}

/** The intent first, so that dpd puts nothing back; then from every list only our entry. */
export function removeEntries({ root, confDir, instance, say }: ConfSetting): void {
  const stateDir = join(root, instance.stateDir)
  const dir = join(root, confDir)
  inTurn(stateDir, () => {
    removeIntent(stateDir)
    for (const kept of settleLeftovers(dir)) say(`${kept}: taken out by an interrupted repair`)
    for (const { name } of readConfDir(dir)) {
      const path = join(dir, name)
      if (name.endsWith('.conflist')) persistently(path, () => removeFrom(path, say))
    }
    for (const name of existsSync(dir) ? readdirSync(dir) : []) {
      if (name.endsWith(ORIGINAL_SUFFIX)) rmSync(join(dir, name))
    }
  })
}

/** False = it changed meanwhile. */
function removeFrom(path: string, say: ConfSetting['say']): boolean {
  const text = readConfText(path)
  if (text === undefined) return true
  if (text === null) {
    say(`${path}: it cannot be read: look whether vethwall's entry is in it`)
    return true
  }
  const edit = removeEntry(text)
  if (edit.kind === 'changed') {
    if (!replaceList(os, path, text, edit.text)) return false
    say(`${path}: vethwall removed`)
  }
  if (edit.kind === 'invalid' && text.includes(`"${PLUGIN_TYPE}"`)) {
    say(`${path}: ${edit.reason}: left as it is; take vethwall's entry out by hand`)
  }
  return true
}
