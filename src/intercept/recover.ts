/** What processes that died have left of an instance: journals, lost records, files of another boot. */
import { isSameAttachment } from '../core/endpoint.js'
import type { InterceptContext } from './context.js'
import { sweepDeadFiles } from './dead-files.js'
import {
  keyLockPath,
  listLostRecords,
  listRecords,
  readRecord,
  removeRecord,
  writeRecord,
} from './endpoint-records.js'
import { listJournal, removeJournal } from './journal.js'
import { isLocked, withKeyLock } from './lock.js'
import { sweepReleased } from './released.js'
import { undoUnfinished } from './restore.js'

/** Journals whose process is dead: undone. Files of another boot name nothing that exists: removed. */
export function recover(context: InterceptContext): number {
  const { os, instance, warn, bootId } = context
  let undone = 0
  for (const entry of listJournal(instance, warn)) {
    const { record } = entry
    if (record.bootId !== bootId || isLocked(os, keyLockPath(instance, record))) continue
    warn(`${record.namespace}/${record.pod} ${record.ifName}: an attachment broke off; undone`)
    withKeyLock(os, keyLockPath(instance, record), () => undoUnfinished(context, record))
    undone++
  }
  const journalled = listJournal(instance, warn).map(({ record }) => record)
  for (const record of [...journalled, ...listRecords(instance, warn)]) {
    if (record.bootId === bootId) continue
    removeJournal(instance, record)
    removeRecord(instance, record)
  }
  restoreLostRecords(context)
  sweepReleased(context)
  sweepDeadFiles(context)
  return undone
}

/** /run was lost, or a file in it: the spare copy speaks, unless a verb is at work on it. */
function restoreLostRecords({ os, instance, warn }: InterceptContext): void {
  for (const record of listLostRecords(instance, warn)) {
    const lockPath = keyLockPath(instance, record)
    if (isLocked(os, lockPath)) continue
    withKeyLock(os, lockPath, () => {
      const current = readRecord(instance, record, warn)
      if (current === null || !isSameAttachment(current, record)) return
      writeRecord(instance, record)
      warn(
        `${record.namespace}/${record.pod} ${record.ifName}: its record was lost, written again from the spare copy`,
      )
    })
  }
}
