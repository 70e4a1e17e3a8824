/**
 * Endpoint ids, 14 bits of the marker: the next free one above the last given out, so that a frame still
 * queued for a pod that is gone doesn't reach its successor. Under the instance's lock.
 */
import { join } from 'node:path'
import { ENDPOINT_ID_MAX, type Instance } from '../core/instance.js'
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

/** The caller writes the journal or record that holds the id before it gives up the lock. */
export function allocateId(instance: Instance, warn: (message: string) => void): number {
  const path = join(instance.runDir, 'last-id')
  const used = new Set([
    ...listRecords(instance, warn).map(({ id }) => id),
    ...listJournal(instance, warn).map(({ record }) => record.id),
  ])
  const text = readStateFile(path)
  const last = text === null ? 0 : Number.parseInt(text, 10)
  const id = nextFreeId(used, Number.isInteger(last) && last > 0 ? last : 0)
  if (id === null) throw new NoEndpointIdError()
  writeBootFile(path, `${id}\n`)
  return id
}
