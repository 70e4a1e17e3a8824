/** Which pipe driver an instance's new endpoints get: the one asked for, else the first that works here. */
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DriverName, EndpointRecord } from '../core/endpoint.js'
import type { Instance } from '../core/instance.js'
import { BpfDriver } from './bpf/driver.js'
import type { InterceptContext } from './context.js'
import type { PipeDriver } from './driver.js'
import { NETLINK_ROUTE } from './enforcer.js'
import { probeRules } from './nfqueue/probe.js'
import { XtablesError } from './nfqueue/xtables.js'
import { type Os, OsError } from './os.js'
import { probeActions } from './preflight/tc.js'
import { TcDriver } from './tc/driver.js'

/** linux/bpf.h */
const BPF_MAP_TYPE_ARRAY = 2

/** null = it works; else why not. Cheap: asked by every ADD that leaves the choice to us. */
export function bpfProblem(os: Os): string | null {
  const spec = { type: BPF_MAP_TYPE_ARRAY, keyOctets: 4, valueOctets: 8, maxEntries: 1, flags: 0 }
  try {
    os.close(os.bpf.mapCreate({ ...spec, name: 'vethwall_probe' }))
    return null
  } catch (error) {
    if (error instanceof OsError) return error.message
    throw error
  }
}

/** null = it works; else what the kernel lacks. Tried in a namespace that is thrown away. */
export function tcProblem(os: Os): string | null {
  return inProbeNetns(os, (netnsFd) => {
    const netlinkFd = os.netlinkOpen(netnsFd, NETLINK_ROUTE)
    try {
      const missing = probeActions(os, netlinkFd)
      return missing.length === 0 ? null : `the kernel has no ${missing.join(', ')}`
    } finally {
      os.close(netlinkFd)
    }
  })
}

/** null = it works; else what the kernel or the tools said. */
export function nfqueueProblem(os: Os): string | null {
  return inProbeNetns(os, (netnsFd) => {
    try {
      probeRules(netnsFd)
      return null
    } catch (error) {
      if (error instanceof XtablesError) return error.message
      throw error
    }
  })
}

function inProbeNetns<T>(os: Os, ask: (netnsFd: number) => T): T {
  const dir = mkdtempSync(join(tmpdir(), 'vethwall-probe-'))
  const path = join(dir, 'netns')
  os.netnsCreate(path)
  const fd = openSync(path, 'r')
  try {
    return ask(fd)
  } finally {
    closeSync(fd)
    os.unmount(path)
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Why a conflist entry's `driver` can't work here; null = it can. */
export function driverProblem(os: Os, name: DriverName | 'auto'): string | null {
  if (name === 'nfqueue') return nfqueueProblem(os)
  const bpf = name === 'tc' ? null : bpfProblem(os)
  if (bpf === null && name !== 'tc') return null
  const tc = name === 'bpf' ? null : tcProblem(os)
  return name !== 'bpf' && tc === null ? null : [bpf, tc].filter((why) => why !== null).join('; ')
}

/** What each driver lacks here, null = it works. */
export function availableDrivers(os: Os): ReadonlyMap<DriverName, string | null> {
  return new Map<DriverName, string | null>([
    ['bpf', bpfProblem(os)],
    ['tc', tcProblem(os)],
    ['nfqueue', nfqueueProblem(os)],
  ])
}

export function driverOf(os: Os, instance: Instance, name: DriverName | 'auto'): PipeDriver {
  const chosen = name !== 'auto' ? name : bpfProblem(os) === null ? 'bpf' : 'tc'
  if (chosen === 'bpf') return new BpfDriver(os, instance)
  if (chosen === 'tc') return new TcDriver(os)
  throw new Error(`pipe driver ${chosen} is not in this build: use bpf or tc`)
}

/** What a new endpoint's context gets. With nfqueue the driver is for endpoints that were swapped before. */
export function chooseDriver(
  os: Os,
  instance: Instance,
  asked: DriverName | 'auto',
): Pick<InterceptContext, 'driver' | 'why' | 'rules'> {
  const driver = driverOf(os, instance, asked === 'nfqueue' ? 'auto' : asked)
  const configured = `configured: "driver": "${asked}"`
  if (asked === 'nfqueue') return { driver, why: configured, rules: 'always' }
  if (asked !== 'auto') return { driver, why: configured }
  const bpf = driver.name === 'bpf' ? null : bpfProblem(os)
  const why = bpf === null ? 'the first that works here' : `no bpf here: ${bpf}`
  return { driver, why, rules: 'where-refused' }
}

/** The one that piped the endpoint, whatever new ones get. */
export function withDriverOf<T>(
  context: InterceptContext,
  record: EndpointRecord,
  action: (driver: PipeDriver) => T,
): T {
  const { driver, os, instance } = context
  if (driver.name === record.driver) return action(driver)
  const other = driverOf(os, instance, record.driver)
  try {
    return action(other)
  } finally {
    other.close()
  }
}
