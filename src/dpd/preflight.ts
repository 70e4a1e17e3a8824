/** The node's preflight as the operator reads it, with what dpd alone would like to have. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { DriverFitness, PreflightFinding } from '../core/api/status.js'
import type { Os } from '../intercept/os.js'
import { preflight as askNode, type Finding } from '../intercept/preflight.js'

export interface Preflight {
  /** What `driver: auto` takes; null = none works. */
  readonly driver: string | null
  readonly drivers: readonly DriverFitness[]
  readonly findings: readonly PreflightFinding[]
}

function hasTool(name: string): boolean {
  const path = process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin'
  return path.split(delimiter).some((dir) => existsSync(join(dir, name)))
}

function finding(subject: string, has: boolean, cost: string): PreflightFinding {
  return { subject, state: has ? 'ok' : 'degraded', cost: has ? '-' : cost }
}

function toldToOperator({ subject, state, cost, cure }: Finding): PreflightFinding {
  return { subject, state, cost: state === 'ok' ? '-' : `${cost}; ${cure}` }
}

export function preflight(os: Os): Preflight {
  const { drivers, lacks, findings } = askNode(os)
  return {
    driver: drivers.bpf ? 'bpf' : drivers.tc ? 'tc' : null,
    drivers: Object.entries(lacks).map(([driver, subjects]) => ({ driver, lacks: [...subjects] })),
    findings: [
      ...findings.map(toldToOperator),
      finding(
        'IPv6',
        existsSync('/proc/sys/net/ipv6'),
        'pods are intercepted for IPv4 only; boot without ipv6.disable=1',
      ),
      finding(
        'systemd-notify',
        hasTool('systemd-notify'),
        'systemd does not learn that dpd is ready',
      ),
    ],
  }
}
