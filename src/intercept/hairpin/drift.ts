/** A hairpin against its record, in the enforcer and in the pod, and as it should be again. */
import { type EndpointRecord, linksOf } from '../../core/endpoint.js'
import { BpfDriver } from '../bpf/driver.js'
import type { InterceptContext } from '../context.js'
import { clearQdiscs, driftOfLink, isUp, repairLink } from '../device-drift.js'
import { readDevices } from '../devices.js'
import type { Drift, Enforcer, PathSetting, Seen } from '../driver.js'
import { linkByIndex } from '../enforcer.js'
import { inPodNetns } from '../kept-interfaces.js'
import type { PodNetns } from '../pod-state.js'
import { makePair, setPairUp, wantedVin } from './pair.js'
import { driftOfPodFilters, ensureEth0Hooks, ensureVw0Filter } from './pod-filters.js'

function bpfOf({ driver }: InterceptContext): BpfDriver {
  if (driver instanceof BpfDriver) return driver
  throw new TypeError(`a hairpin is piped by bpf, not by ${driver.name}`)
}

/** `context`: with the driver that pipes the endpoint. */
export function checkHairpin(
  context: InterceptContext,
  enforcer: Enforcer,
  record: EndpointRecord,
  seen: Seen,
): Drift[] {
  const link = driftOfLink(seen.devices, wantedVin(record))
  return [
    ...link,
    ...context.driver.check(enforcer, record, seen),
    ...(inPodNetns(context, record, (pod) => driftInPod(context, pod, record)) ?? []),
  ]
}

/** What a pod that goes has lost already is not told: an eth0 that is gone, filters on a vw0 that is. */
function driftInPod(context: InterceptContext, pod: PodNetns, record: EndpointRecord): Drift[] {
  const { os, instance } = context
  const { podIfindex, vinIfindex } = linksOf(record)
  const vw0 = linkByIndex(os, pod.netlinkFd, vinIfindex)
  if (vw0 === null || linkByIndex(os, pod.netlinkFd, podIfindex) === null) return []
  const subject = `link ${vw0.name} in ${record.netns}`
  return [
    ...(isUp(vw0) ? [] : [{ what: 'link', subject, want: 'up', have: 'down' } as const]),
    ...driftOfPodFilters({ os, instance, ...pod }, bpfOf(context), record),
  ]
}

/** Under the endpoint's key lock. */
export function repairHairpin(
  context: InterceptContext,
  enforcer: Enforcer,
  record: EndpointRecord,
  setting: PathSetting,
): void {
  const { os, instance } = context
  const driver = bpfOf(context)
  const done = inPodNetns(context, record, (pod) => {
    const half = { os, instance, ...pod }
    repairVin(context, enforcer, pod, record)
    driver.repair(enforcer, record, setting)
    ensureVw0Filter(half, driver, record)
    setPairUp(context, enforcer, pod, record)
    ensureEth0Hooks(half, driver, record)
    return true
  })
  if (done === null) throw new Error(`${record.netns} no longer leads to the pod`)
}

function repairVin(
  context: InterceptContext,
  enforcer: Enforcer,
  pod: PodNetns,
  record: EndpointRecord,
): void {
  const { os } = context
  const want = wantedVin(record)
  const found = readDevices(os, enforcer.netlinkFd)
  if (found.link(want.ifindex) === null) makePair(context, enforcer, pod, record)
  const devices = readDevices(os, enforcer.netlinkFd)
  repairLink(os, enforcer.netlinkFd, devices, want)
  clearQdiscs(os, enforcer.netlinkFd, devices, want.ifindex)
}
