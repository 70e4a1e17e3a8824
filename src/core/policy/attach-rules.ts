/**
 * `/run/<instance>/attach.json`: what becomes of a new pod while dpd is absent. The plugin reads it,
 * so nothing here may pull in yaml or the whole of zod: the plugin starts for every pod.
 */
import * as z from 'zod/mini'
import type { EndpointPath, EndpointRecord, Failure } from '../endpoint.js'
import { compareSpecificity, matchGlob, parseGlob } from './glob.js'

/** File schema; bump on change. */
export const ATTACH_SCHEMA = 1

const ruleSchema = z.lazy(() =>
  z.object({
    /** `*` = any run of characters, in both. */
    namespace: z.string().check(z.minLength(1)),
    pod: z.string().check(z.minLength(1)),
    /** What the directory says of such pods; for people, not compared. */
    labels: z.record(z.string(), z.string()),
    mode: z.enum(['discover', 'monitor', 'protect']),
    failure: z.enum(['open', 'closed']),
  }),
)
export type AttachRule = z.infer<typeof ruleSchema>

export const attachFileSchema = z.lazy(() =>
  z.object({
    schema: z.literal(ATTACH_SCHEMA),
    rules: z.array(ruleSchema),
    /** Keys of pods in quarantine: it precedes every rule. */
    quarantined: z._default(z.array(z.string()), []),
  }),
)
export type AttachFile = z.infer<typeof attachFileSchema>

export interface PodName {
  readonly namespace: string
  readonly pod: string
}

/** A pod without a UID (a lone node's container) is known by its container. */
export function quarantineKey({
  podUid,
  containerID,
}: Pick<EndpointRecord, 'podUid' | 'containerID'>) {
  return podUid ?? `container:${containerID}`
}

/** What a pod gets that no daemon speaks for; `fallback` is the conflist entry's. */
export function settingWithoutDpd(
  file: AttachFile | null,
  record: EndpointRecord,
  fallback: Failure,
): { readonly path: EndpointPath; readonly failure: Failure } {
  const failure = (file === null ? null : matchAttachRule(file.rules, record))?.failure ?? fallback
  const isCutOff =
    failure === 'closed' || file?.quarantined.includes(quarantineKey(record)) === true
  return { path: isCutOff ? 'quarantine' : 'direct', failure }
}

/** The most specific rule for the pod; null = the conflist entry's `failure` decides. */
export function matchAttachRule(rules: readonly AttachRule[], name: PodName): AttachRule | null {
  const matching = rules.filter(
    (rule) =>
      matchGlob(parseGlob(rule.namespace), name.namespace) &&
      matchGlob(parseGlob(rule.pod), name.pod),
  )
  return matching.sort(compareAttachRules)[0] ?? null
}

/** Most specific first: a named namespace before a glob, then the longer name. */
export function compareAttachRules(a: AttachRule, b: AttachRule): number {
  return compareSpecificity(a.namespace, b.namespace) || compareSpecificity(a.pod, b.pod)
}
