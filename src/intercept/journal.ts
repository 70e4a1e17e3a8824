/**
 * The write-ahead journal of a swap: what the pod's interface was and which links are to be made, on disk
 * before the first change. Undoing needs nothing else, since each step can be seen in the kernel.
 */
import { join } from 'node:path'
import * as z from 'zod/mini'
import type { AttachmentKey, EndpointRecord } from '../core/endpoint.js'
import { endpointRecordSchema } from '../core/endpoint-record.js'
import type { Instance } from '../core/instance.js'
import { keyHash, readState, stateFiles } from './endpoint-records.js'
import type { PodState } from './pod-state.js'
import { octetsAsBase64, podStateSchema } from './pod-state-json.js'
import { removeBootFile, writeBootFile } from './state-file.js'

const JOURNAL_SCHEMA = 1
const journalSchema = z.lazy(() =>
  z.object({
    schema: z.literal(JOURNAL_SCHEMA),
    record: endpointRecordSchema,
    before: podStateSchema,
  }),
)

export interface JournalEntry {
  readonly record: EndpointRecord
  readonly before: PodState
}

function journalPath(instance: Instance, key: AttachmentKey): string {
  return join(instance.journalDir, `${keyHash(key)}.json`)
}

export function writeJournal(instance: Instance, entry: JournalEntry): void {
  const { record, before } = entry
  const json = { schema: JOURNAL_SCHEMA, record, before }
  writeBootFile(journalPath(instance, record), `${JSON.stringify(json, octetsAsBase64)}\n`)
}

export function readJournal(
  instance: Instance,
  key: AttachmentKey,
  warn: (message: string) => void,
): JournalEntry | null {
  return readState(journalPath(instance, key), journalSchema, warn)
}

export function listJournal(instance: Instance, warn: (message: string) => void): JournalEntry[] {
  return stateFiles(instance.journalDir).flatMap((path) => {
    const entry = readState(path, journalSchema, warn)
    return entry === null ? [] : [entry]
  })
}

export function removeJournal(instance: Instance, key: AttachmentKey): void {
  removeBootFile(journalPath(instance, key))
}
