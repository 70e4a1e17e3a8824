/** The real world of one call of the runtime: its instance's records, links and filters, and dpd. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  CNI_INVALID_NETNS,
  CNI_INVALID_NETWORK_CONFIG,
  CNI_SWAP_FAILED,
  CniError,
} from '../core/cni/error.js'
import type { NetworkConfig } from '../core/cni/network-config.js'
import type { AttachmentKey, EndpointRecord } from '../core/endpoint.js'
import { type Instance, instanceOf } from '../core/instance.js'
import { attachFileSchema, settingWithoutDpd } from '../core/policy/attach-rules.js'
import { requireAttached, setPathOfAttached } from '../intercept/attachment.js'
import { check } from '../intercept/check.js'
import type { InterceptContext } from '../intercept/context.js'
import { chooseDriver, driverProblem } from '../intercept/drivers.js'
import { keyHash, keyLockPath, listRecords, readState } from '../intercept/endpoint-records.js'
import { NoSuchInterfaceError, NotVethError } from '../intercept/interceptable.js'
import { listJournal } from '../intercept/journal.js'
import { isLocked } from '../intercept/lock.js'
import { isNetns, NotNetnsError, OwnNetnsError } from '../intercept/netns.js'
import { type Os, OsError } from '../intercept/os.js'
import { isReleased } from '../intercept/released.js'
import { detach } from '../intercept/restore.js'
import { writeStateFile } from '../intercept/state-file.js'
import { attach } from '../intercept/swap.js'
import type { AttachRequest, PluginDeps } from './deps.js'
import { dpdClient } from './dpd-client.js'

/** What the composition root gives. */
export interface Outside {
  readonly os: Os
  readonly warn: (message: string) => void
}

function contextOf(
  { os, warn }: Outside,
  instance: Instance,
  driver: NetworkConfig['driver'],
): InterceptContext {
  return {
    os,
    instance,
    ...chooseDriver(os, instance, driver),
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(),
    now: () => new Date().toISOString(),
    warn,
  }
}

/** What the swap refuses, in the specification's codes. */
function attachOrRefuse(context: InterceptContext, request: AttachRequest): EndpointRecord {
  try {
    return attach(context, request)
  } catch (error) {
    if (error instanceof NotVethError) throw error
    const message = error instanceof Error ? error.message : String(error)
    if (error instanceof OwnNetnsError && request.netnsMayBeOwn) throw new NotVethError(message)
    if (error instanceof NotNetnsError) throw new CniError(CNI_INVALID_NETNS, message)
    // A namespace, but of processes, mounts or users.
    if (error instanceof OsError && error.syscall === 'setns') {
      throw new CniError(CNI_INVALID_NETNS, `CNI_NETNS ${request.netns}`, message)
    }
    if (error instanceof NoSuchInterfaceError) {
      throw new CniError(CNI_INVALID_NETWORK_CONFIG, message)
    }
    throw swapFailed(request, 'was not intercepted and is as it was', message)
  }
}

type PodInterface = Pick<EndpointRecord, 'namespace' | 'pod' | 'ifName'>

function swapFailed({ namespace, pod, ifName }: PodInterface, what: string, details: string) {
  return new CniError(CNI_SWAP_FAILED, `${namespace}/${pod} ${ifName} ${what}`, details)
}

/** After the swap: the runtime's DEL undoes what stands. */
function orRefuse(record: EndpointRecord, action: () => void): void {
  try {
    action()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw swapFailed(record, 'has no path in force', message)
  }
}

/** It only wakes dpd, which compares records and kernel by itself: without room for it the verb goes on. */
function leaveNotice(
  { instance, warn }: InterceptContext,
  verb: 'ADD' | 'DEL',
  key: AttachmentKey,
): void {
  const { containerID, ifName } = key
  const notice = { schema: 1, verb, containerID, ifName, at: new Date().toISOString() }
  const path = join(instance.noticesDir, `${Date.now()}-${process.pid}-${keyHash(key)}.json`)
  try {
    writeStateFile(path, `${JSON.stringify(notice)}\n`)
  } catch (error) {
    warn(`${path}: no notice for dpd: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** By key: a swap in progress has a journal, one that is done a record, a repeated one both. */
function attachmentsOf(
  { os, instance, warn }: InterceptContext,
  network: string,
): EndpointRecord[] {
  const journalled = listJournal(instance, warn).map(({ record }) => record)
  const all = [...journalled, ...listRecords(instance, warn)]
  const ofNetwork = all.filter((record) => record.network === network)
  const byPath = new Map(ofNetwork.map((record) => [keyLockPath(instance, record), record]))
  return [...byPath].flatMap(([path, record]) => (isLocked(os, path) ? [] : [record]))
}

export function depsOf(outside: Outside, config: NetworkConfig): PluginDeps {
  const { os, warn } = outside
  const instance = instanceOf(config.instance)
  const context = contextOf(outside, instance, config.driver)
  return {
    dpd: dpdClient(os, instance.socketPath),
    attach: (request) => attachOrRefuse(context, request),
    settingWithoutDpd: (record, fallback) =>
      settingWithoutDpd(readState(instance.attachPath, attachFileSchema, warn), record, fallback),
    setPath: (record, path, failure) =>
      orRefuse(record, () => setPathOfAttached(context, record, { path, failure })),
    requireAttached: (record) => orRefuse(record, () => requireAttached(context, record)),
    detach: (key, netns) => detach(context, key, netns),
    check: (key, toldMac) => check(context, key, toldMac),
    isReleased: (key) => isReleased(context, key),
    attachments: (network) => attachmentsOf(context, network),
    driverProblem: () => driverProblem(os, config.driver),
    endpoints: () => listRecords(instance, warn).filter((r) => r.bootId === context.bootId),
    hasEnforcer: () => isNetns(instance.netnsPath) || isNetns(instance.netnsSparePath),
    leaveNotice: (verb, key) => leaveNotice(context, verb, key),
    warn,
    close: () => context.driver.close(),
  }
}
