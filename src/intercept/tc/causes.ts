/**
 * Counters of the `tc` driver: one shared gact per cause and namespace, named by its index, so that
 * counts outlive the filters that are replaced and one dump reads them all. Names as in the `bpf` driver.
 */
import type { RefusedFrames } from '../../core/bpf/maps.js'
import type { Gact } from '../../core/netlink/gact.js'
import type { Verdict } from '../../core/netlink/verdict.js'

interface Cause {
  /** From INDEX_BASE; never given to another cause. */
  readonly place: number
  readonly verdict: Verdict
}

/** Far from what the kernel gives to actions without an index, which begins at 1. */
const INDEX_BASE = 0x7677_0000

const CAUSES = {
  forged_marker: { place: 1, verdict: 'drop' },
  foreign_dropped: { place: 2, verdict: 'drop' },
  foreign_passed: { place: 3, verdict: 'pipe' },
  quarantine: { place: 4, verdict: 'drop' },
  stale_open: { place: 5, verdict: 'pipe' },
  stale_closed: { place: 6, verdict: 'drop' },
  not_one_marker: { place: 7, verdict: 'drop' },
  unknown_endpoint: { place: 8, verdict: 'drop' },
  not_inline: { place: 9, verdict: 'drop' },
  bad_kind: { place: 10, verdict: 'drop' },
} as const satisfies Record<string, Cause>

export type CauseName = keyof typeof CAUSES

/** Counts, and drops or lets the next action run. */
export function counted(cause: CauseName): Gact {
  const { place, verdict } = CAUSES[cause]
  return { kind: 'gact', verdict, index: INDEX_BASE + place }
}

/** null = another gact, one filter's own. */
function causeOf(gact: Gact): CauseName | null {
  const names = Object.keys(CAUSES) as CauseName[]
  return names.find((name) => INDEX_BASE + CAUSES[name].place === gact.index) ?? null
}

/** Two to an endpoint, behind all causes. */
const REFUSED_BASE = 0x7678_0000
const REFUSED_ENDPOINTS = 0x4000

/** Counts a frame from this endpoint's pod. Shared by its index, so that a replaced filter goes on counting. */
export function countedRefused(id: number, what: keyof RefusedFrames): Gact {
  const index = REFUSED_BASE + 2 * id + (what === 'forgedMarker' ? 0 : 1)
  return { kind: 'gact', verdict: 'pipe', index }
}

/** null = another gact. */
function refusedOf({
  index = 0,
}: Gact): { readonly id: number; readonly what: keyof RefusedFrames } | null {
  const place = index - REFUSED_BASE
  if (place < 0 || place >= 2 * REFUSED_ENDPOINTS) return null
  return { id: place >> 1, what: place % 2 === 0 ? 'forgedMarker' : 'foreignMac' }
}

export const CAUSE_NAMES = Object.keys(CAUSES) as readonly CauseName[]

export interface CountedGact {
  readonly gact: Gact
  readonly packets: number
}

export function countsByCause(gacts: readonly CountedGact[]): Record<string, number> {
  const counts = new Map<string, number>(CAUSE_NAMES.map((cause) => [cause, 0]))
  for (const { gact, packets } of gacts) {
    const cause = causeOf(gact)
    if (cause !== null) counts.set(cause, packets)
  }
  return Object.fromEntries(counts)
}

/** By endpoint id. */
export function refusedByEndpoint(gacts: readonly CountedGact[]): Map<number, RefusedFrames> {
  const counts = new Map<number, RefusedFrames>()
  for (const { gact, packets } of gacts) {
    const found = refusedOf(gact)
    if (found === null) continue
    const known = counts.get(found.id) ?? { forgedMarker: 0, foreignMac: 0 }
    counts.set(found.id, { ...known, [found.what]: packets })
  }
  return counts
}
