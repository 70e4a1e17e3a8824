/** The table of the conformance matrix: what is called behind which primary, and with which result handed on. */

import { SUPPORTED_VERSIONS } from '../../src/core/cni/version.js'
import { SCRIPTED_MAC } from '../scripted-primary.js'

export type Version = (typeof SUPPORTED_VERSIONS)[number]
export type PrimaryKind = 'bridge' | 'ptp' | 'scripted'
export type Families = 'IPv4' | 'IPv6' | 'dual'

/** One pod's whole life; each step of it is a cell. */
export interface Life {
  readonly number: number
  readonly version: Version
  readonly primary: PrimaryKind
  readonly families: Families
  /** The scripted primary's result. */
  readonly shape: keyof typeof RESULT_SHAPES
}

export interface Step {
  readonly name: string
  readonly verb: 'VERSION' | 'STATUS' | 'ADD' | 'CHECK' | 'GC' | 'DEL'
  readonly since: Version
  readonly netns: boolean
  readonly prevResult: boolean
  /** Whether the pod stands behind its pair afterwards; null = as before. */
  readonly intercepted: boolean | null
}

type Row = readonly [
  name: string,
  verb: Step['verb'],
  since: Version,
  given: { readonly netns: boolean; readonly prevResult: boolean },
  intercepted: boolean | null,
]
const BOTH = { netns: true, prevResult: true }
const NETNS_ONLY = { netns: true, prevResult: false }
const RESULT_ONLY = { netns: false, prevResult: true }
const NEITHER = { netns: false, prevResult: false }

/** CNI SPEC 1.1.0, §2 "CNI operations", in this order. */
const FIRST: readonly Row[] = [
  ['VERSION', 'VERSION', '0.3.0', NEITHER, null],
  ['STATUS', 'STATUS', '1.1.0', NEITHER, null],
  ['DEL before ADD', 'DEL', '0.3.0', NETNS_ONLY, false],
  ['ADD', 'ADD', '0.3.0', BOTH, true],
  ['ADD again', 'ADD', '0.3.0', BOTH, true],
  ['CHECK', 'CHECK', '0.4.0', BOTH, null],
  ['GC', 'GC', '1.1.0', NEITHER, null],
]
const ADD_AFTER: Row = ['ADD after DEL', 'ADD', '0.3.0', BOTH, true]
const DELS: readonly Row[] = [
  ['DEL with netns and prevResult', 'DEL', '0.3.0', BOTH, false],
  ['DEL with netns', 'DEL', '0.3.0', NETNS_ONLY, false],
  ['DEL with prevResult', 'DEL', '0.3.0', RESULT_ONLY, false],
  ['DEL with neither', 'DEL', '0.3.0', NEITHER, false],
]
const LAST: readonly Row[] = [
  ['DEL again', 'DEL', '0.3.0', NEITHER, false],
  ['CHECK after DEL', 'CHECK', '0.4.0', BOTH, null],
]

/**
 * All of them in a soak. Else two of the four shapes of DEL in turn, and what no primary has a part in (an answer
 * without an attachment, a verb that the version lacks) behind the scripted one only.
 */
export function stepsOf({ number, version, primary }: Life, extent: Extent): Step[] {
  const dels = extent === 'all' ? DELS : DELS.filter((_, at) => at % 2 === number % 2)
  const rows = [
    ...FIRST,
    ...dels.flatMap((del, at): readonly Row[] => (at > 0 ? [ADD_AFTER, del] : [del])),
    ...LAST,
  ]
  const steps = rows.map(([name, verb, since, given, intercepted]) => ({
    ...{ name, verb, since, intercepted },
    ...given,
  }))
  if (extent === 'all' || primary === 'scripted') return steps
  return steps.filter(({ verb, since }) => verb !== 'VERSION' && isSince(version, since))
}

/** Whether a configuration of that version has what came with `since`. */
export function isSince(version: Version, since: Version): boolean {
  return SUPPORTED_VERSIONS.indexOf(version) >= SUPPORTED_VERSIONS.indexOf(since)
}

/** What a primary may print; `VERSION`, `NETNS`, `IPS` stand for the pod's own. Our edits: none. */
export const RESULT_SHAPES = {
  'as bridge prints it': `{"cniVersion":"VERSION","interfaces":[{"name":"hostif"},{"name":"eth0","mac":"${SCRIPTED_MAC}","sandbox":"NETNS"}],"ips":IPS,"dns":{}}`,
  'unknown keys, odd order, odd numbers':
    '{ "zeta": {"b":[1.0,1e3,12345678901234567890],"a":"\\u00e9"}, "2":1, "1":2,\n  "ips": IPS, "dns": {"search":[]},\t"cniVersion":"VERSION", "interfaces":[ {"sandbox":"NETNS","name":"eth0","x":null} ] }',
  'dns empty, routes null':
    '{"dns":{},"routes":null,"ips":IPS,"interfaces":[],"cniVersion":"VERSION"}',
  'interfaces absent, ips null': '{"cniVersion":"VERSION","ips":null}',
  "1.1.0's keys":
    '{"cniVersion":"VERSION","interfaces":[{"name":"eth0","sandbox":"NETNS","mtu":1500,"socketPath":"/run/x.sock","pciID":"0000:00:1f.6"}],"ips":IPS,"routes":[{"dst":"0.0.0.0/0","mtu":1400,"advmss":1360,"priority":5,"table":100,"scope":253}]}',
} as const

const SHAPES = Object.keys(RESULT_SHAPES) as (keyof typeof RESULT_SHAPES)[]
const FAMILIES: readonly Families[] = ['IPv4', 'IPv6', 'dual']

/** containernetworking-plugins 1.1.1 know no 1.1.0: that version is the scripted primary's alone. */
const knows = (primary: PrimaryKind, version: Version): boolean =>
  primary === 'scripted' || version !== '1.1.0'

/** `part` is for each run of the suite, `all` for a soak. */
export type Extent = 'all' | 'part'

/**
 * `part`: every pair of primary, version and family meets. The scripted primary lives in every combination;
 * behind the others one family goes with each version, and no family is left out.
 */
export function lives(extent: Extent): Life[] {
  const kinds = ['bridge', 'ptp', 'scripted'] as const
  const all = kinds.flatMap((primary) =>
    SUPPORTED_VERSIONS.filter((version) => knows(primary, version)).flatMap((version) =>
      FAMILIES.map((families) => ({ primary, version, families })),
    ),
  )
  const chosen = all.filter(({ primary, version, families }) => {
    const turn = kinds.indexOf(primary) + SUPPORTED_VERSIONS.indexOf(version)
    const isTurn = FAMILIES[turn % FAMILIES.length] === families
    return extent === 'all' || primary === 'scripted' || isTurn
  })
  // Each shape meets three versions and each family.
  return chosen.map((life, number) => {
    const at = SUPPORTED_VERSIONS.indexOf(life.version) + FAMILIES.indexOf(life.families)
    return { ...life, number, shape: SHAPES[at % SHAPES.length] ?? 'as bridge prints it' }
  })
}
