/** What every way of attaching an interface has alike: planned under a new id, journalled, made, recorded. */
import { ENDPOINT_RECORD_SCHEMA, type EndpointRecord } from '../core/endpoint.js'
import type { AttachSpec } from './attach-spec.js'
import { allocateId } from './endpoint-id.js'
import { readRecord, writeRecord } from './endpoint-records.js'
import { type JournalEntry, readJournal, removeJournal, writeJournal } from './journal.js'
import { withLock } from './lock.js'
import type { Place } from './place.js'
import { addressTexts, type PodState } from './pod-state.js'
import { giveBackStale, removeFilters, undo, undoOrWarn } from './restore.js'

/** How this way attaches; the rest of the record is the same for all. */
export type Way = Pick<EndpointRecord, 'driver' | 'why' | 'attachment' | 'links' | 'mac'>

/** What an earlier ADD of the key left is undone or taken away, unless it still holds. */
export function knownOrCleared(
  place: Place,
  spec: AttachSpec,
  holds: (known: EndpointRecord) => boolean,
): EndpointRecord | null {
  const { context, enforcer, pod } = place
  const { instance, warn } = context
  // A process that died half-way left its journal: as it was first, then anew.
  const unfinished = readJournal(instance, spec, warn)
  const known = readRecord(instance, spec, warn)
  if (unfinished !== null) undo(context, unfinished)
  else if (known !== null && holds(known)) return known
  // Links of this key without a record that holds: a lost file, or a namespace that is no more.
  giveBackStale(context, enforcer, pod, spec)
  if (known !== null) removeFilters(context, enforcer, known)
  return null
}

function recordOf(
  { context, netns }: Place,
  spec: AttachSpec,
  before: PodState,
  id: number,
  way: Way,
): EndpointRecord {
  return {
    ...{ schema: ENDPOINT_RECORD_SCHEMA, bootId: context.bootId, id },
    ...{ containerID: spec.containerID, ifName: spec.ifName, network: spec.network },
    ...{ netns: spec.netns, netnsInode: netns.identity },
    ...{ namespace: spec.namespace, pod: spec.pod, podUid: spec.podUid },
    ...way,
    ...addressTexts(before),
    ...{ failure: spec.failure, createdAt: context.now() },
  }
}

/** The pod ends as `make` leaves it, or as `before` says. */
export function journalled(
  place: Place,
  spec: AttachSpec,
  before: PodState,
  plan: (id: number) => Way,
  make: (entry: JournalEntry) => void,
): EndpointRecord {
  const { context } = place
  const { os, instance, warn } = context
  place.yieldToDel()
  const entry = withLock(os, instance.lockPath, () => {
    const id = allocateId(instance, warn)
    const planned = { record: recordOf(place, spec, before, id, plan(id)), before }
    writeJournal(instance, planned)
    return planned
  })
  try {
    make(entry)
    writeRecord(instance, entry.record)
    removeJournal(instance, spec)
    return entry.record
  } catch (error) {
    undoOrWarn(context, entry)
    throw error
  }
}
