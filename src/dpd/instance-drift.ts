/** The half of `Pipes` that looks for drift and sets it back, never beside a plugin at work on the same. */
import { type EndpointRecord, isSameAttachment } from '../core/endpoint.js'
import { VBR_IFINDEX } from '../core/instance.js'
import { checkEndpoint } from '../intercept/check.js'
import type { InterceptContext } from '../intercept/context.js'
import { DeviceWatch } from '../intercept/device-watch.js'
import { type Devices, readDevices } from '../intercept/devices.js'
import type { Drift, Enforcer, PathSetting } from '../intercept/driver.js'
import { keyLockPath, listRecords, readRecord } from '../intercept/endpoint-records.js'
import { checkEnforcer, repairEnforcer } from '../intercept/enforcer-drift.js'
import { listJournal } from '../intercept/journal.js'
import { refreshKept } from '../intercept/kept-interfaces.js'
import { tryKeyLock, tryLock } from '../intercept/lock.js'
import { repairEndpoint } from '../intercept/repair.js'
import type { Mended } from './drift-book.js'
import type { Survey } from './pipes.js'

/** An ADD holds it for some milliseconds; a pass that finds it held is repeated soon. */
const INSTANCE_LOCK_MS = 100

const hasLinks = ({ links }: EndpointRecord): boolean => links !== null

function attempt(action: () => void): string | null {
  try {
    action()
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Endpoint ids. vbr-neuv is all endpoints': the caller knows. */
function idsOf(
  records: readonly EndpointRecord[],
  ifindexes: ReadonlySet<number>,
  ids: readonly number[],
): ReadonlySet<number> {
  const touched = new Set(ids)
  for (const { id, links } of records) {
    if (links === null) continue
    if (ifindexes.has(links.vinIfindex) || ifindexes.has(links.vexIfindex)) touched.add(id)
  }
  return touched
}

export class InstanceDrift {
  #watch: DeviceWatch | null = null

  constructor(
    private readonly context: InterceptContext,
    private readonly enforcer: Enforcer,
    /** The context with the driver that pipes the endpoint. */
    private readonly contextOf: (record: EndpointRecord) => InterceptContext,
  ) {}

  survey(records: readonly EndpointRecord[], again: readonly EndpointRecord[]): Survey {
    const { context, enforcer } = this
    this.#watch ??= new DeviceWatch(context.os, enforcer)
    const devices = this.#watch
    const heard = devices.refresh()
    for (const { links } of again) {
      if (links !== null) for (const i of [links.vinIfindex, links.vexIfindex]) devices.forget(i)
    }
    const changed = context.driver.changedEntries()
    return {
      shared: checkEnforcer(context, enforcer, { devices, records }),
      touched: heard === null || heard.has(VBR_IFINDEX) ? null : idsOf(records, heard, changed),
      endpoint: (record, setting) => this.#endpoint(devices, record, setting),
    }
  }

  close(): void {
    this.#watch?.close()
    this.#watch = null
  }

  #endpoint(devices: Devices, record: EndpointRecord, setting: PathSetting | undefined): Drift[] {
    const seen = setting === undefined ? { devices } : { devices, setting }
    return checkEndpoint(this.contextOf(record), this.enforcer, record, seen)
  }

  #fresh(): Devices {
    return readDevices(this.context.os, this.enforcer.netlinkFd)
  }

  /** null = a plugin holds the lock. */
  mendShared(): Mended | null {
    const { context, enforcer } = this
    const { os, instance, warn } = context
    const locked = tryLock(os, instance.lockPath, INSTANCE_LOCK_MS, () => {
      const underWay = listJournal(instance, warn).map(({ record }) => record)
      const records = [...listRecords(instance, warn), ...underWay].filter(hasLinks)
      return this.#mend(
        () => checkEnforcer(context, enforcer, { devices: this.#fresh(), records }),
        () => repairEnforcer(context, enforcer, records),
      )
    })
    return locked?.value ?? null
  }

  /** null = an ADD or DEL of it is under way, or was. */
  mend(record: EndpointRecord, setting: PathSetting): Mended | null {
    return this.#whileOurs(record, () =>
      this.#mend(
        () => this.#endpoint(this.#fresh(), record, setting),
        () => repairEndpoint(this.contextOf(record), this.enforcer, record, setting),
      ),
    )
  }

  keep(record: EndpointRecord): void {
    if (hasLinks(record)) this.#whileOurs(record, () => refreshKept(this.context, record))
  }

  #whileOurs<T>(record: EndpointRecord, action: () => T): T | null {
    const { os, instance, warn } = this.context
    const locked = tryKeyLock(os, keyLockPath(instance, record), () => {
      const current = readRecord(instance, record, warn)
      return current !== null && isSameAttachment(current, record) ? action() : null
    })
    return locked?.value ?? null
  }

  #mend(look: () => readonly Drift[], repair: () => void): Mended {
    const found = look()
    if (found.length === 0) return { found, left: [], fault: null }
    const fault = attempt(repair)
    return { found, left: look(), fault }
  }
}
