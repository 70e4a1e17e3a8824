/** What this node's kernel and tools lack, and what each costs. Asks the kernel; changes nothing that stays. */
import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { delimiter, join } from 'node:path'
import type { PreflightFinding } from '../core/api/status.js'
import { availableDrivers } from '../intercept/drivers.js'
import type { Os } from '../intercept/os.js'

export interface Preflight {
  /** What `driver: auto` takes; null = none works. */
  readonly driver: string | null
  readonly findings: readonly PreflightFinding[]
}

/** What is missing in a kernel older than this, and its cost (reference: kernel changelogs). */
const SINCE: readonly (readonly [major: number, minor: number, subject: string, cost: string])[] = [
  [5, 11, 'BPF memory outside RLIMIT_MEMLOCK', 'set LimitMEMLOCK=infinity, or maps fail to load'],
  [
    5,
    13,
    'IFLA_NEW_IFINDEX',
    'vin cannot take the host veth’s ifindex: CNI CHECK of some plugins fails',
  ],
  [
    6,
    2,
    'UDP GSO over vnet_hdr',
    'UDP segmentation is done before inspection: QUIC costs more CPU',
  ],
]

const DRIVER_COST: Readonly<Record<string, string>> = {
  bpf: 'no cut-through and no in-kernel fail-open: the tc driver and a watchdog process serve instead',
  tc: 'no fall-back where BPF does not load',
}

function driverFindings(os: Os): Preflight {
  const drivers = [...availableDrivers(os)]
  const findings = drivers.map(([name, problem]): PreflightFinding => {
    const subject = `pipe driver ${name}`
    if (problem === null) return { subject, state: 'ok', cost: '-' }
    return {
      subject,
      state: 'missing',
      cost: `${problem}: ${DRIVER_COST[name] ?? 'not available'}`,
    }
  })
  const works = drivers.find(([, problem]) => problem === null)
  // One that works is enough: without the other the node is degraded, not broken.
  const state = works === undefined ? 'missing' : 'degraded'
  const softened = findings.map((finding) =>
    finding.state === 'missing' ? { ...finding, state } : finding,
  ) as PreflightFinding[]
  return { driver: works?.[0] ?? null, findings: softened }
}

function kernelFindings(): PreflightFinding[] {
  const [major = 0, minor = 0] = release().split('.').map(Number)
  return SINCE.map(([sinceMajor, sinceMinor, subject, cost]) => {
    const has = major > sinceMajor || (major === sinceMajor && minor >= sinceMinor)
    if (has) return { subject, state: 'ok', cost: '-' }
    return { subject, state: 'degraded', cost: `kernel ${release()}: ${cost}` }
  })
}

function isMounted(type: string): boolean {
  return readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[2] === type)
}

function hasTool(name: string): boolean {
  const path = process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin'
  return path.split(delimiter).some((dir) => existsSync(join(dir, name)))
}

function finding(subject: string, has: boolean, cost: string): PreflightFinding {
  return { subject, state: has ? 'ok' : 'degraded', cost: has ? '-' : cost }
}

export function preflight(os: Os): Preflight {
  const { driver, findings } = driverFindings(os)
  return {
    driver,
    findings: [
      ...findings,
      ...kernelFindings(),
      finding(
        'IPv6',
        existsSync('/proc/sys/net/ipv6'),
        'pods are intercepted for IPv4 only; boot without ipv6.disable=1',
      ),
      finding(
        'bpffs',
        isMounted('bpf'),
        'none is mounted: dpd mounts one at /sys/fs/bpf when it starts',
      ),
      finding(
        'systemd-notify',
        hasTool('systemd-notify'),
        'systemd does not learn that dpd is ready',
      ),
      finding(
        'CONFIG_PACKET',
        existsSync('/proc/net/packet'),
        'no inspection at all: build them in or load af_packet',
      ),
    ],
  }
}
