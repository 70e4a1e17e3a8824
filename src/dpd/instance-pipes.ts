/** `Pipes` over intercept: one instance's records, links and filters. */
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { FlowEntry, FlowKey } from '../core/bpf/flow-map.js'
import type { RefusedFrames } from '../core/bpf/maps.js'
import {
  type EndpointPath,
  type EndpointRecord,
  isSameAttachment,
  linksOf,
} from '../core/endpoint.js'
import type { InterceptContext } from '../intercept/context.js'
import type { Enforcer, PathSetting, PipeDriver } from '../intercept/driver.js'
import { driverOf } from '../intercept/drivers.js'
import { keyLockPath, listRecords, readRecord } from '../intercept/endpoint-records.js'
import { linkByIndex } from '../intercept/enforcer.js'
import { linkAlias } from '../intercept/link-names.js'
import { isLocked } from '../intercept/lock.js'
import { isNetnsOf } from '../intercept/netns.js'
import { recover } from '../intercept/recover.js'
import { detach } from '../intercept/restore.js'
import type { Mended } from './drift-book.js'
import { InstanceDrift } from './instance-drift.js'
import type { Pipes, Survey } from './pipes.js'

/** writeStateFile's temporary name ends in its process: one that was killed never renames it. */
function isOfDeadWriter(name: string): boolean {
  const pid = /\.(\d+)\.new$/.exec(name)?.[1]
  return pid !== undefined && !fs.existsSync(`/proc/${pid}`)
}

export class InstancePipes implements Pipes {
  readonly #drivers = new Map<string, PipeDriver>()
  readonly #drift: InstanceDrift

  constructor(
    private readonly context: InterceptContext,
    private readonly enforcer: Enforcer,
  ) {
    this.#drivers.set(context.driver.name, context.driver)
    this.#drift = new InstanceDrift(context, enforcer, (record) => this.#contextOf(record))
  }

  records(): readonly EndpointRecord[] {
    const { instance, bootId, warn } = this.context
    return listRecords(instance, warn).filter((record) => record.bootId === bootId)
  }

  isRecorded(record: EndpointRecord): boolean {
    const current = readRecord(this.context.instance, record, this.context.warn)
    return current !== null && isSameAttachment(current, record)
  }

  recover(): number {
    return recover(this.context)
  }

  takeNotices(): number {
    const { noticesDir } = this.context.instance
    let names: string[] = []
    try {
      names = fs.readdirSync(noticesDir)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    const notices = names.filter((name) => name.endsWith('.json'))
    for (const name of [...notices, ...names.filter(isOfDeadWriter)]) {
      fs.rmSync(path.join(noticesDir, name), { force: true })
    }
    return notices.length
  }

  isBusy(record: EndpointRecord): boolean {
    return isLocked(this.context.os, keyLockPath(this.context.instance, record))
  }

  /** vin goes with the pod's namespace, whatever path led to it; somebody may have deleted it alone. */
  isAlive(record: EndpointRecord): boolean {
    if (record.links === null) return isNetnsOf(record.netns, record.netnsInode)
    const { vinIfindex, vinName } = linksOf(record)
    const vin = linkByIndex(this.context.os, this.enforcer.netlinkFd, vinIfindex)
    if (vin?.name === vinName || vin?.alias === linkAlias(record, 'vin')) return true
    return isNetnsOf(record.netns, record.netnsInode)
  }

  ensure(record: EndpointRecord, setting: PathSetting): void {
    this.#driverOf(record).ensure(this.enforcer, record, setting)
  }

  setPath(record: EndpointRecord, setting: PathSetting): void {
    this.#driverOf(record).setPath(this.enforcer, record, setting)
  }

  readPath(record: EndpointRecord): EndpointPath | null {
    return this.#driverOf(record).readPath(this.enforcer, record)
  }

  survey(records: readonly EndpointRecord[], again: readonly EndpointRecord[]): Survey {
    return this.#drift.survey(records, again)
  }

  mendShared(): Mended | null {
    return this.#drift.mendShared()
  }

  mend(record: EndpointRecord, setting: PathSetting): Mended | null {
    return this.#drift.mend(record, setting)
  }

  keep(record: EndpointRecord): void {
    this.#drift.keep(record)
  }

  collect(record: EndpointRecord): void {
    detach(this.#contextOf(record), record, '')
  }

  carried(record: EndpointRecord, flow: FlowKey): FlowEntry | null {
    if (record.links === null) return null
    return this.#driverOf(record).carried(this.enforcer, flow)
  }

  counters(): Readonly<Record<string, number>> {
    return this.context.driver.counters(this.enforcer)
  }

  refused(records: readonly EndpointRecord[]): ReadonlyMap<number, RefusedFrames> {
    const refused = new Map<number, RefusedFrames>()
    for (const [name, driver] of this.#drivers) {
      const own = records.filter((record) => record.driver === name)
      if (own.length === 0) continue
      for (const [id, frames] of driver.refused(this.enforcer, own)) refused.set(id, frames)
    }
    return refused
  }

  close(): void {
    this.#drift.close()
    for (const driver of this.#drivers.values()) driver.close()
  }

  #contextOf(record: EndpointRecord): InterceptContext {
    if (record.links === null) return this.context
    return { ...this.context, driver: this.#driverOf(record) }
  }

  /** Endpoints of another driver stay with it: a change of `driver` is for new ones. */
  #driverOf(record: EndpointRecord): PipeDriver {
    const known = this.#drivers.get(record.driver)
    if (known !== undefined) return known
    const driver = driverOf(this.context.os, this.context.instance, record.driver)
    driver.ensureShared(this.enforcer)
    this.#drivers.set(record.driver, driver)
    return driver
  }
}
