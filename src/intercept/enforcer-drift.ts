/** What all endpoints of an instance share, as it should be: mounts, settings, vbr-neuv and vth-neuv. */
import { closeSync, fstatSync } from 'node:fs'
import type { EndpointRecord } from '../core/endpoint.js'
import { VBR_IFINDEX, VBR_NAME, VTH_IFINDEX, VTH_NAME } from '../core/instance.js'
import { decodeLink } from '../core/netlink/link.js'
import { dumpLinks, setLink } from '../core/netlink/link-request.js'
import type { InterceptContext } from './context.js'
import { clearQdiscs, driftOfLink, repairLink, type WantedLink } from './device-drift.js'
import { type Devices, readDevices } from './devices.js'
import type { Drift, Enforcer, SeenShared } from './driver.js'
import {
  bindOver,
  FEATURES_OFF,
  MTU_OCTETS,
  makeDevices,
  NETLINK_ROUTE,
  SYSCTLS,
  setDevicesUp,
  setSysctls,
} from './enforcer.js'
import { LINK_ALIAS_PREFIX } from './link-names.js'
import { identityOf, type OpenNetns, openNetns } from './netns.js'
import { GSO_MAX_OCTETS } from './replay.js'
import { apply, dump } from './rtnetlink.js'

const SHARED = { mtuOctets: MTU_OCTETS, mac: null, alias: null } as const
const VBR: WantedLink = {
  ...{ ...SHARED, ifindex: VBR_IFINDEX, name: VBR_NAME, gsoMaxOctets: GSO_MAX_OCTETS },
}
const VTH: WantedLink = {
  ...{ ...SHARED, ifindex: VTH_IFINDEX, name: VTH_NAME, gsoMaxOctets: null },
}

export function checkEnforcer(
  context: InterceptContext,
  enforcer: Enforcer,
  seen: SeenShared,
): Drift[] {
  const { devices } = seen
  return [
    ...driftOfMounts(context, enforcer),
    ...driftOfSysctls(context, enforcer),
    ...[VBR, VTH].flatMap((want) => driftOfLink(devices, want)),
    ...driftOfFeatures(context, enforcer, devices),
    ...context.driver.checkShared(enforcer, seen),
  ]
}

/** Under the instance's lock. `records`: all of them, those of ADDs under way too. */
export function repairEnforcer(
  context: InterceptContext,
  enforcer: Enforcer,
  records: readonly EndpointRecord[],
): void {
  const { os, driver } = context
  const { netlinkFd } = enforcer
  repairMounts(context, enforcer)
  setSysctls(os, enforcer.netnsFd)
  const found = readDevices(os, netlinkFd)
  // A pair: the one goes with the other.
  if (found.link(VBR_IFINDEX) === null) makeDevices(os, enforcer)
  const devices = readDevices(os, netlinkFd)
  for (const want of [VBR, VTH]) {
    repairLink(os, netlinkFd, devices, want)
    clearQdiscs(os, netlinkFd, devices, want.ifindex)
  }
  os.ethtoolFeaturesOff(enforcer.netnsFd, VBR_NAME, FEATURES_OFF)
  driver.repairShared(enforcer, records)
  setDevicesUp(os, enforcer)
}

const identityOfFd = (fd: number): string => identityOf(fstatSync(fd, { bigint: true }))

function driftOfMounts({ instance }: InterceptContext, { netnsFd }: Enforcer): Drift[] {
  const want = identityOfFd(netnsFd)
  return [instance.netnsPath, instance.netnsSparePath].flatMap((path): Drift[] => {
    const there = openNetns(path)
    if (there !== null) closeSync(there.fd)
    const have = there?.identity ?? 'none'
    return have === want ? [] : [{ what: 'mount', subject: path, want, have }]
  })
}

function repairMounts(context: InterceptContext, { netnsFd, netlinkFd }: Enforcer): void {
  const { os, instance } = context
  const ours = { fd: netnsFd, identity: identityOfFd(netnsFd) }
  for (const path of [instance.netnsPath, instance.netnsSparePath]) {
    const other = openNetns(path)
    try {
      if (other !== null && other.identity !== ours.identity) {
        bringLinks(context, other, { netnsFd, netlinkFd })
      }
      bindOver(os, ours, path)
    } finally {
      if (other !== null) closeSync(other.fd)
    }
  }
}

/**
 * A plugin that found neither name made a namespace of its own: what it put there would go with it. Down
 * and without filters, as a move leaves them: their endpoints' turn comes next.
 */
function bringLinks({ os, warn }: InterceptContext, from: OpenNetns, enforcer: Enforcer): void {
  const netlinkFd = os.netlinkOpen(from.fd, NETLINK_ROUTE)
  try {
    for (const message of dump(os, netlinkFd, dumpLinks())) {
      const link = decodeLink(message)
      if (link === null || !link.alias.startsWith(LINK_ALIAS_PREFIX)) continue
      const { ifindex, name } = link
      try {
        const to = { netnsFd: enforcer.netnsFd, newIfindex: ifindex, name }
        apply(os, netlinkFd, [setLink(ifindex, to, name)])
      } catch (error) {
        warn(`${name}: not brought into the enforcer's namespace: ${String(error)}`)
      }
    }
  } finally {
    os.close(netlinkFd)
  }
}

function driftOfSysctls({ os }: InterceptContext, { netnsFd }: Enforcer): Drift[] {
  const values = os.netnsReadFiles(
    netnsFd,
    SYSCTLS.map(([path]) => path),
  )
  return SYSCTLS.flatMap(([subject, want], at): Drift[] => {
    const have = values[at]?.trim()
    // A kernel without IPv6 has no such file, and needs none.
    return have === undefined || have === want ? [] : [{ what: 'sysctl', subject, want, have }]
  })
}

function driftOfFeatures({ os }: InterceptContext, enforcer: Enforcer, devices: Devices): Drift[] {
  if (devices.link(VBR_IFINDEX)?.name !== VBR_NAME) return []
  const on = os.ethtoolFeaturesOn(enforcer.netnsFd, VBR_NAME, FEATURES_OFF)
  return on.map((name) => ({
    ...{ what: 'feature', subject: `${name} of ${VBR_NAME}`, want: 'off', have: 'on' },
  }))
}
