/**
 * A running pod taken in live: eth0 stays what it is, its frames are led through a pair beside it. Until its
 * path is set the pod's frames go as before; they are led away by the last two filters, set at once.
 */
import { release } from 'node:os'
import { ENDPOINT_RECORD_SCHEMA, type EndpointRecord } from '../../core/endpoint.js'
import type { Link } from '../../core/netlink/link.js'
import type { AttachSpec } from '../attach-spec.js'
import { BpfDriver } from '../bpf/driver.js'
import type { InterceptContext } from '../context.js'
import { allocateId } from '../endpoint-id.js'
import { readRecord, writeRecord } from '../endpoint-records.js'
import { kernelRefusal, NoSuchInterfaceError, NotVethError } from '../interceptable.js'
import { readJournal, removeJournal, writeJournal } from '../journal.js'
import { vinName } from '../link-names.js'
import { withLock } from '../lock.js'
import { atPlace, type Place } from '../place.js'
import { addressTexts, readLink, readPodState } from '../pod-state.js'
import { giveBackStale, removeFilters, undo, undoOrWarn } from '../restore.js'
import { freeIfindex, makePair, setPairUp } from './pair.js'
import { ensureEth0Hooks, ensureVw0Filter, hookProblem } from './pod-filters.js'

/** This pod can't be taken in so; a swap may do. */
export class NoHairpinError extends Error {
  override readonly name = 'NoHairpinError'
}

export function attachHairpin(context: InterceptContext, spec: AttachSpec): EndpointRecord {
  const { driver } = context
  if (!(driver instanceof BpfDriver)) {
    throw new NoHairpinError(`a hairpin needs the bpf driver, this one is ${driver.name}`)
  }
  return atPlace(context, spec, (place) => attachIn(place, driver, spec))
}

function attachIn(place: Place, driver: BpfDriver, spec: AttachSpec): EndpointRecord {
  const { context, pod, enforcer, netns } = place
  const { os, instance, warn } = context
  const unfinished = readJournal(instance, spec, warn)
  const known = readRecord(instance, spec, warn)
  if (unfinished !== null) undo(context, unfinished)
  else if (known !== null && known.netnsInode === netns.identity) return known
  giveBackStale(context, enforcer, pod, spec)
  if (known !== null) removeFilters(context, enforcer, known)
  const link = fitLink(place, spec)
  const before = readPodState(os, pod, link)
  place.yieldToDel()
  const entry = withLock(os, instance.lockPath, () => {
    const id = allocateId(instance, warn)
    const record = planned(place, spec, link, id, addressTexts(before))
    writeJournal(instance, { record, before })
    return { record, before }
  })
  try {
    lead(place, driver, entry.record)
    writeRecord(instance, entry.record)
    removeJournal(instance, spec)
    return entry.record
  } catch (error) {
    undoOrWarn(context, entry)
    throw error
  }
}

function fitLink({ context, pod }: Place, { ifName, netns }: AttachSpec): Link {
  const { os, instance } = context
  const link = readLink(os, pod.netlinkFd, ifName)
  if (link === null) throw new NoSuchInterfaceError(ifName, netns)
  if (link.kind !== 'veth') {
    throw new NotVethError(
      `interface ${ifName} is of kind "${link.kind || 'none'}", only veth can be intercepted`,
    )
  }
  const tooOld = kernelRefusal(release())
  if (tooOld !== null) throw tooOld
  const problem = hookProblem({ os, instance, ...pod }, link.ifindex)
  if (problem !== null) throw new NoHairpinError(`interface ${ifName} takes no hairpin: ${problem}`)
  return link
}

function planned(
  { context, enforcer, pod, netns }: Place,
  spec: AttachSpec,
  link: Link,
  id: number,
  addresses: ReturnType<typeof addressTexts>,
): EndpointRecord {
  const vin = { vinName: vinName(spec), vinIfindex: freeIfindex(context, enforcer, pod, id) }
  return {
    ...{ schema: ENDPOINT_RECORD_SCHEMA, bootId: context.bootId, id },
    ...{ containerID: spec.containerID, ifName: spec.ifName, network: spec.network },
    ...{ netns: spec.netns, netnsInode: netns.identity },
    ...{ namespace: spec.namespace, pod: spec.pod, podUid: spec.podUid },
    ...{ driver: context.driver.name, why: context.why, attachment: 'hairpin' as const },
    links: {
      ...{ mac: link.mac, mtuOctets: link.mtuOctets, podIfindex: link.ifindex },
      ...{ ...vin, vexName: vin.vinName, vexIfindex: vin.vinIfindex },
      ...{ hostIfindex: link.peerIfindex, peerIndexLost: true },
    },
    ...addresses,
    failure: spec.failure,
    createdAt: context.now(),
  }
}

function lead(
  { context, enforcer, pod, yieldToDel }: Place,
  driver: BpfDriver,
  record: EndpointRecord,
) {
  const { os, instance } = context
  const half = { os, instance, ...pod }
  makePair(context, enforcer, pod, record)
  driver.ensure(enforcer, record, { path: 'direct', failure: record.failure })
  ensureVw0Filter(half, driver, record)
  setPairUp(context, enforcer, pod, record)
  yieldToDel()
  ensureEth0Hooks(half, driver, record)
}
