/** Who holds the lock may change lists and the intent: install.sh and dpd take turns. */
import { closeSync, existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { type ConfIntent, intentText, readIntentText } from '../core/cni/conf-intent.js'
import type { Entry } from '../core/cni/conflist.js'
import type { Os } from '../intercept/os.js'
import { readStateFile, removeStateFile, writeStateFile } from '../intercept/state-file.js'

export type IntentReading =
  | { readonly kind: 'absent' }
  | { readonly kind: 'damaged'; readonly reason: string }
  | { readonly kind: 'intent'; readonly intent: ConfIntent }

export function intentPath(stateDir: string): string {
  return join(stateDir, 'conflist.json')
}

export function readIntent(stateDir: string): IntentReading {
  const text = readStateFile(intentPath(stateDir))
  if (text === null) return { kind: 'absent' }
  const intent = readIntentText(text)
  return typeof intent === 'string'
    ? { kind: 'damaged', reason: intent }
    : { kind: 'intent', intent }
}

export function writeIntent(
  stateDir: string,
  intent: Omit<ConfIntent, 'schema' | 'entry'> & { readonly entry: Entry },
): void {
  writeStateFile(intentPath(stateDir), intentText(intent), 0o644)
}

export function removeIntent(stateDir: string): void {
  removeStateFile(intentPath(stateDir))
}

/**
 * Without it dpd, having read the intent, could put the entry back after the uninstaller took both away.
 * The lock is on the directory itself: there is no file of its own to leave behind. null = not got in time.
 */
export function withIntentLock<T>(
  os: Pick<Os, 'flock'>,
  stateDir: string,
  timeoutMs: number,
  action: () => T,
): T | null {
  if (!existsSync(stateDir)) return action()
  const fd = openSync(stateDir, 'r')
  try {
    return os.flock(fd, timeoutMs) ? action() : null
  } finally {
    closeSync(fd)
  }
}
