/** What an ADD finds when it is done, or half done: that DEL of its key came meanwhile. */
import { type EndpointRecord, isSameAttachment } from '../core/endpoint.js'
import { CancelledError } from './cancelled.js'
import type { InterceptContext } from './context.js'
import type { PathSetting } from './driver.js'
import { withDriverOf } from './drivers.js'
import { isWritten, keyLockPath, readRecord } from './endpoint-records.js'
import { closeEnforcer, openEnforcer } from './enforcer.js'
import { withKeyLock } from './lock.js'
import { setRulesPath } from './nfqueue/attach.js'

/** Throws CancelledError where DEL, or another ADD, came after the ADD that made the record. */
export function requireAttached(context: InterceptContext, record: EndpointRecord): void {
  if (isWritten(context.instance, record)) return
  const current = readRecord(context.instance, record, context.warn)
  if (current === null || !isSameAttachment(current, record)) throw new CancelledError(record)
}

/** As PipeDriver.setPath, unless DEL came meanwhile: an entry of an endpoint that is gone would stay. */
export function setPathOfAttached(
  context: InterceptContext,
  record: EndpointRecord,
  setting: PathSetting,
): void {
  const { os, instance } = context
  withKeyLock(os, keyLockPath(instance, record), () => {
    requireAttached(context, record)
    if (record.attachment === 'rules') {
      setRulesPath(context, record, setting)
      return
    }
    const enforcer = openEnforcer(os, instance)
    if (enforcer === null) throw new Error(`${instance.netnsPath}: no network namespace any more`)
    try {
      withDriverOf(context, record, (driver) => driver.setPath(enforcer, record, setting))
    } finally {
      closeEnforcer(os, enforcer)
    }
  })
}
