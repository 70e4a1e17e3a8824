/** zod schemas that both kinds of policy document share: metadata, selectors, address blocks. */
import * as z from 'zod'
import { cidrContains, readAddress, readCidr } from '../address.js'
import { canonicalName, namePatternFault } from './host-name.js'
import type { LabelSelector } from './label-selector.js'
import type { Peer } from './model.js'

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const KEY_NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/

/** RFC 1123 subdomain, as the API server asks of object names. */
export const objectNameSchema = z
  .string()
  .max(253, 'at most 253 characters')
  .regex(NAME, 'a name is lower case letters, digits, - and ., as web-1')
export const namespaceSchema = z
  .string()
  .max(63, 'at most 63 characters')
  .regex(LABEL, 'a namespace is lower case letters, digits and -, as shop')

const labelKeySchema = z.string().refine(isLabelKey, 'a label key is [prefix/]name, as app')
const labelValueSchema = z
  .string()
  .max(63, 'a label value has at most 63 characters')
  .regex(VALUE, 'a label value is letters, digits, - _ and ., as v1')
export const labelsSchema = z.record(labelKeySchema, labelValueSchema)

function isLabelKey(key: string): boolean {
  const slash = key.indexOf('/')
  const name = key.slice(slash + 1)
  const prefix = slash < 0 ? 'a' : key.slice(0, slash)
  return name.length <= 63 && KEY_NAME.test(name) && prefix.length <= 253 && NAME.test(prefix)
}

/** What `kubectl get -o yaml` prints of ObjectMeta; only name and namespace mean something here. */
export const metadataSchema = z.strictObject({
  name: objectNameSchema,
  namespace: namespaceSchema.default('default'),
  labels: labelsSchema.nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
  creationTimestamp: z.unknown().optional(),
  deletionGracePeriodSeconds: z.unknown().optional(),
  deletionTimestamp: z.unknown().optional(),
  finalizers: z.unknown().optional(),
  generateName: z.unknown().optional(),
  generation: z.unknown().optional(),
  managedFields: z.unknown().optional(),
  ownerReferences: z.unknown().optional(),
  resourceVersion: z.unknown().optional(),
  selfLink: z.unknown().optional(),
  uid: z.unknown().optional(),
})

const requirementSchema = z
  .strictObject({
    key: labelKeySchema,
    operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
    values: z.array(labelValueSchema).nullish(),
  })
  .superRefine(({ operator, values }, context) => {
    const needsValues = operator === 'In' || operator === 'NotIn'
    const count = values?.length ?? 0
    if (needsValues && count === 0) {
      context.addIssue({ code: 'custom', message: `${operator} needs values: add at least one` })
    }
    if (!needsValues && count > 0) {
      const message = `${operator} takes no values: remove them, or use In`
      context.addIssue({ code: 'custom', path: ['values'], message })
    }
  })

export const selectorSchema = z.strictObject({
  matchLabels: labelsSchema.nullish(),
  matchExpressions: z.array(requirementSchema).nullish(),
})
export type SelectorDocument = z.infer<typeof selectorSchema>

const cidrSchema = z
  .string()
  .refine((text) => readCidr(text) !== null, 'write address/length, as 10.0.0.0/8 or fd00::/8')

const ipBlockSchema = z
  .strictObject({ cidr: cidrSchema, except: z.array(cidrSchema).nullish() })
  .superRefine(({ cidr, except }, context) => {
    for (const [i, text] of (except ?? []).entries()) {
      const outer = readCidr(cidr)
      const inner = readCidr(text)
      if (outer === null || inner === null) continue
      if (inner.prefixBits > outer.prefixBits && cidrContains(outer, inner.octets)) continue
      const message = `must be a smaller block inside ${cidr}: correct or remove it`
      context.addIssue({ code: 'custom', path: ['except', i], message })
    }
  })

const peerFields = {
  podSelector: selectorSchema.nullish(),
  namespaceSelector: selectorSchema.nullish(),
  ipBlock: ipBlockSchema.nullish(),
}
const fqdnSchema = z.string().superRefine((pattern, context) => {
  const message = namePatternFault(pattern)
  if (message !== null) context.addIssue({ code: 'custom', message })
  if (readAddress(pattern) === null) return
  context.addIssue({ code: 'custom', message: 'an address is no name: use ipBlock' })
})

/** Of NetworkPolicy, and of ingress rules: a name stands for no sender. */
export const peerSchema = z.strictObject(peerFields).superRefine(refinePeer)
export const egressPeerSchema = z
  .strictObject({ ...peerFields, fqdn: fqdnSchema.optional() })
  .superRefine(refinePeer)
export type PeerDocument = z.infer<typeof egressPeerSchema>

function refinePeer(peer: PeerDocument, context: z.RefinementCtx): void {
  const bySelector = isGiven(peer.podSelector) || isGiven(peer.namespaceSelector)
  const alone = (['ipBlock', 'fqdn'] as const).filter((key) => isGiven(peer[key]))
  const [first] = alone
  if (first !== undefined && (bySelector || alone.length > 1)) {
    const others = bySelector ? 'the selectors a list entry' : 'each a list entry'
    const message = `${first} stands alone: make ${others} of their own`
    context.addIssue({ code: 'custom', path: [first], message })
  }
  if (first === undefined && !bySelector) {
    const message = 'an empty peer: give podSelector, namespaceSelector or ipBlock'
    context.addIssue({ code: 'custom', message })
  }
}

export const portNumberSchema = z
  .int('a port is a whole number from 1 to 65535')
  .min(1, 'a port is 1 to 65535')
  .max(65535, 'a port is 1 to 65535')
export const protocolSchema = z.enum(['TCP', 'UDP', 'SCTP'])

export function isGiven<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined
}

export function selectorOf(document: SelectorDocument): LabelSelector {
  return {
    matchLabels: document.matchLabels ?? {},
    matchExpressions: (document.matchExpressions ?? []).map(({ key, operator, values }) => ({
      key,
      operator,
      values: values ?? [],
    })),
  }
}

export function peerOf(document: PeerDocument): Peer {
  if (isGiven(document.fqdn)) return { kind: 'fqdn', pattern: canonicalName(document.fqdn) }
  if (isGiven(document.ipBlock)) {
    const { cidr, except } = document.ipBlock
    return { kind: 'block', cidr, except: except ?? [] }
  }
  const { podSelector, namespaceSelector } = document
  return {
    kind: 'pods',
    podSelector: selectorOf(podSelector ?? {}),
    namespaceSelector: isGiven(namespaceSelector) ? selectorOf(namespaceSelector) : null,
  }
}
