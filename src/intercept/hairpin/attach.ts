/**
 * A running pod taken in live: eth0 stays what it is, its frames are led through a pair beside it. Until its
 * path is set the pod's frames go as before; they are led away by the last two filters, set at once.
 */
import { release } from 'node:os'
import type { EndpointRecord } from '../../core/endpoint.js'
import type { Link } from '../../core/netlink/link.js'
import type { AttachSpec } from '../attach-spec.js'
import { BpfDriver } from '../bpf/driver.js'
import type { InterceptContext } from '../context.js'
import { kernelRefusal, NoSuchInterfaceError, NotVethError } from '../interceptable.js'
import { journalled, knownOrCleared, type Way } from '../journalled.js'
import { vinName } from '../link-names.js'
import { atPlace, type Place } from '../place.js'
import { readLink, readPodState } from '../pod-state.js'
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
  const { context, pod, netns } = place
  const known = knownOrCleared(
    place,
    spec,
    ({ bootId, netnsInode }) => bootId === context.bootId && netnsInode === netns.identity,
  )
  if (known !== null) return known
  const link = fitLink(place, spec)
  return journalled(
    place,
    spec,
    readPodState(context.os, pod, link),
    (id) => planned(place, spec, link, id),
    ({ record }) => lead(place, driver, record),
  )
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

function planned({ context, enforcer, pod }: Place, spec: AttachSpec, link: Link, id: number): Way {
  const vin = { vinName: vinName(spec), vinIfindex: freeIfindex(context, enforcer, pod, id) }
  return {
    ...{ driver: context.driver.name, why: context.why, attachment: 'hairpin' },
    links: {
      ...{ mac: link.mac, mtuOctets: link.mtuOctets, podIfindex: link.ifindex },
      ...{ ...vin, vexName: vin.vinName, vexIfindex: vin.vinIfindex },
      ...{ hostIfindex: link.peerIfindex, peerIndexLost: true },
    },
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
