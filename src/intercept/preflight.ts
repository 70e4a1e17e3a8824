/**
 * What this node offers, asked by trying: each missing kernel option or tool, what it costs and what
 * the operator does about it; and which drivers can work.
 */
import { release } from 'node:os'
import type { DriverName } from '../core/endpoint.js'
import type { Os } from './os.js'
import { BPF_PROBES } from './preflight/bpf.js'
import { LINK_PROBES } from './preflight/links.js'
import { NFQUEUE_PROBES } from './preflight/nfqueue.js'
import { type Probe, type ProbeHost, withProbeHost } from './preflight/probe.js'
import { TC_PROBES } from './preflight/tc.js'

export interface Finding {
  readonly subject: string
  readonly state: 'ok' | 'missing' | 'degraded'
  /** What is lost; '' where nothing is. */
  readonly cost: string
  readonly cure: string
}

type ProbedDriver = Exclude<DriverName, 'ovs'>

export interface Preflight {
  readonly findings: readonly Finding[]
  /** What the kernel and the tools allow; false = one that it needs is missing. */
  readonly drivers: Readonly<Record<ProbedDriver, boolean>>
  /** By driver, the subjects that keep it from working. */
  readonly lacks: Readonly<Record<ProbedDriver, readonly string[]>>
}

const OK = { state: 'ok', cost: '', cure: '' } as const

/** Why it does not hold is part of the cure: the kernel's own words say the most. */
function ask(host: ProbeHost, { subject, otherwise, cost, cure, holds }: Probe): Finding {
  try {
    if (holds(host)) return { subject, ...OK }
    return { subject, state: otherwise, cost, cure }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { subject, state: otherwise, cost, cure: `${cure}; the kernel said: ${why}` }
  }
}

const isMissing = ({ state }: Finding): boolean => state === 'missing'
const subjectOf = ({ subject }: Finding): string => subject

function isFit(findings: readonly Finding[]): boolean {
  return !findings.some(isMissing)
}

/** One driver is enough: what another lacks makes the node poorer, not unfit. */
function asFallback(findings: readonly Finding[], isNeeded: boolean): Finding[] {
  return findings.map((finding) =>
    finding.state === 'missing' && !isNeeded ? { ...finding, state: 'degraded' } : finding,
  )
}

function ofHost(host: ProbeHost): Preflight {
  const answers = (probes: readonly Probe[]) => probes.map((probe) => ask(host, probe))
  const links = answers(LINK_PROBES)
  const bpf = answers(BPF_PROBES)
  const tc = answers(TC_PROBES)
  const nfqueue = answers(NFQUEUE_PROBES)
  const isSwapFit = isFit(links)
  return {
    findings: [
      ...links,
      ...asFallback(bpf, !isFit(tc)),
      ...asFallback(tc, !isFit(bpf)),
      ...nfqueue,
    ],
    drivers: {
      bpf: isSwapFit && isFit(bpf),
      tc: isSwapFit && isFit(tc),
      nfqueue: nfqueue.every(({ state }) => state === 'ok'),
    },
    lacks: {
      bpf: [...links, ...bpf].filter(isMissing).map(subjectOf),
      tc: [...links, ...tc].filter(isMissing).map(subjectOf),
      nfqueue: nfqueue.filter(({ state }) => state !== 'ok').map(subjectOf),
    },
  }
}

export function preflight(os: Os): Preflight {
  try {
    return withProbeHost(os, release(), ofHost)
  } catch (error) {
    const cure = `run as root with CAP_SYS_ADMIN and CAP_NET_ADMIN: ${String(error)}`
    const cost = 'nothing can be installed, and nothing be asked of the kernel'
    return {
      findings: [{ subject: 'privileges', state: 'missing', cost, cure }],
      drivers: { bpf: false, tc: false, nfqueue: false },
      lacks: { bpf: ['privileges'], tc: ['privileges'], nfqueue: ['privileges'] },
    }
  }
}
