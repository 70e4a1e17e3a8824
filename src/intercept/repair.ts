/** One endpoint's side in the enforcer made as its record says; the order keeps every frame behind a filter. */
import type { EndpointRecord } from '../core/endpoint.js'
import { setLink } from '../core/netlink/link-request.js'
import { wantedPair } from './check.js'
import type { InterceptContext } from './context.js'
import { clearQdiscs, isUp, repairLink } from './device-drift.js'
import { readDevices } from './devices.js'
import type { Enforcer, PathSetting } from './driver.js'
import { withDriverOf } from './drivers.js'
import { repairHairpin } from './hairpin/drift.js'
import { rebuildVex, rebuildVin } from './rebuild.js'
import { apply } from './rtnetlink.js'

/** Under the endpoint's key lock. */
export function repairEndpoint(
  context: InterceptContext,
  enforcer: Enforcer,
  record: EndpointRecord,
  setting: PathSetting,
): void {
  if (record.attachment === 'hairpin') {
    withDriverOf(context, record, (driver) =>
      repairHairpin({ ...context, driver }, enforcer, record, setting),
    )
    return
  }
  const { os } = context
  const { netlinkFd } = enforcer
  const found = readDevices(os, netlinkFd)
  const { vin, vex } = wantedPair(record)
  const replays = [
    ...(found.link(vex.ifindex) === null ? [rebuildVex(context, enforcer, record)] : []),
    ...(found.link(vin.ifindex) === null ? [rebuildVin(context, enforcer, record)] : []),
  ]
  const devices = replays.length === 0 ? found : readDevices(os, netlinkFd)
  for (const want of [vex, vin]) {
    repairLink(os, netlinkFd, devices, want)
    clearQdiscs(os, netlinkFd, devices, want.ifindex)
  }
  withDriverOf(context, record, (driver) => driver.repair(enforcer, record, setting))
  const down = [vex, vin].filter(({ ifindex, name }) => {
    const link = devices.link(ifindex)
    return link === null || !isUp(link) || link.name !== name
  })
  apply(
    os,
    netlinkFd,
    down.map(({ ifindex, name }) => setLink(ifindex, { up: true }, name)),
  )
  for (const replay of replays) replay()
}
