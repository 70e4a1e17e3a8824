/**
 * Endpoint ids, 14 bits of the marker: the next free one above the last given out, so that a frame still
 * queued for a pod that is gone doesn't reach its successor. Under the instance's lock.
 */

import { join } from 'node:path'
import { ENDPOINT_ID_MAX, type Instance } from '../core/instance.js'
import { sha256Hex } from '../core/sha256.js'
import { listRecords } from './endpoint-records.js'
import { listJournal } from './journal.js'
import { readStateFile, writeBootFile } from './state-file.js'

export class NoEndpointIdError extends Error {
  override readonly name = 'NoEndpointIdError'
  constructor() {
    super(`all ${ENDPOINT_ID_MAX} endpoint ids of this node are in use`)
  }
}

/** `last` = the id given out before; 0 = none yet. */
export function nextFreeId(used: ReadonlySet<number>, last: number): number | null {
  for (let step = 1; step <= ENDPOINT_ID_MAX; step++) {
    const id = ((last + step - 1) % ENDPOINT_ID_MAX) + 1
    if (!used.has(id)) return id
  }
  return null
}

/** What is known without a look at the records: ids after `last` up to `freeUntil` name nobody. */
interface Allotment {
  readonly last: number
  readonly freeUntil: number
}

/** A damaged number could give out an id that is in use. */
function allotmentText({ last, freeUntil }: Allotment): string {
  const numbers = `${last} ${freeUntil}`
  return `${numbers} ${sha256Hex(numbers).slice(0, 8)}\n`
}

/** null = not written by us as it is now. */
function readAllotment(text: string | null): Allotment | null {
  const [last = 0, freeUntil = 0] = (text ?? '').split(' ').map(Number)
  const allotment = { last, freeUntil }
  return text === allotmentText(allotment) ? allotment : null
}

/** The run of free ids from the first one on. */
export function nextAllotment(used: ReadonlySet<number>, last: number): Allotment | null {
  const id = nextFreeId(used, last)
  if (id === null) return null
  let freeUntil = id
  while (freeUntil < ENDPOINT_ID_MAX && !used.has(freeUntil + 1)) freeUntil++
  return { last: id, freeUntil }
}

/**
 * The caller writes the journal or record that holds the id before it gives up the lock. All records are read
 * once for each run of free ids, not for each pod.
 */
export function allocateId(instance: Instance, warn: (message: string) => void): number {
  const path = join(instance.runDir, 'last-id')
  const known = readAllotment(readStateFile(path))
  const next =
    known !== null && known.last < known.freeUntil
      ? { ...known, last: known.last + 1 }
      : nextAllotment(usedIds(instance, warn), known?.last ?? 0)
  if (next === null) throw new NoEndpointIdError()
  writeBootFile(path, allotmentText(next))
  return next.last
}

function usedIds(instance: Instance, warn: (message: string) => void): ReadonlySet<number> {
  return new Set([
    ...listRecords(instance, warn).map(({ id }) => id),
    ...listJournal(instance, warn).map(({ record }) => record.id),
  ])
}
