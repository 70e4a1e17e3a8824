/** Policy files as one atomic set: one wrong document fails all of it. */

import type { Keys } from '../schema-issue.js'
import {
  type DocumentError,
  documentError,
  parseYaml,
  type Reading,
  readDocument,
  type TextFile,
  valueAt,
  type YamlDocument,
} from '../yaml-document.js'
import { comparePolicies, type PolicyObject, type PolicySet } from './model.js'
import {
  NETWORK_POLICY_API_VERSION,
  networkPolicyOf,
  networkPolicySchema,
} from './network-policy-schema.js'
import { POLICY_API_VERSION, policyOf, policySchema } from './policy-schema.js'

export type PolicyError = DocumentError

export type PolicySetLoad =
  | { readonly ok: true; readonly set: PolicySet }
  | { readonly ok: false; readonly errors: readonly PolicyError[] }

interface Placed {
  readonly policy: PolicyObject
  readonly document: YamlDocument
  readonly keys: Keys
}

export function loadPolicySet(files: readonly TextFile[]): PolicySetLoad {
  const errors: PolicyError[] = []
  const placed: Placed[] = []
  for (const file of files) {
    const parsed = parseYaml(file)
    if (!parsed.ok) {
      errors.push(...parsed.errors)
      continue
    }
    for (const document of parsed.value) {
      for (const keys of objectsOf(document)) {
        const reading = readPolicy(document, keys)
        if (reading.ok) placed.push({ policy: reading.value, document, keys })
        else errors.push(...reading.errors)
      }
    }
  }
  errors.push(...duplicates(placed))
  if (errors.length > 0) return { ok: false, errors }
  return { ok: true, set: { policies: placed.map(({ policy }) => policy).sort(comparePolicies) } }
}

/** `kubectl get -o yaml` prints several objects as the items of one List. */
function objectsOf(document: YamlDocument): readonly Keys[] {
  const kind = valueAt(document.value, ['kind'])
  const items = valueAt(document.value, ['items'])
  if ((kind !== 'List' && kind !== 'NetworkPolicyList') || !Array.isArray(items)) return [[]]
  return items.map((_, i) => ['items', i])
}

function readPolicy(document: YamlDocument, keys: Keys): Reading<PolicyObject> {
  const apiVersion = valueAt(document.value, [...keys, 'apiVersion'])
  const kind = valueAt(document.value, [...keys, 'kind'])
  if (apiVersion === POLICY_API_VERSION && kind === 'Policy') {
    const reading = readDocument(policySchema, document, keys)
    return reading.ok ? { ok: true, value: policyOf(reading.value, document.path) } : reading
  }
  if (apiVersion === NETWORK_POLICY_API_VERSION && kind === 'NetworkPolicy') {
    const reading = readDocument(networkPolicySchema, document, keys)
    return reading.ok ? { ok: true, value: networkPolicyOf(reading.value, document.path) } : reading
  }
  return { ok: false, errors: [foreignObject(document, keys, apiVersion, kind)] }
}

function foreignObject(
  document: YamlDocument,
  keys: Keys,
  apiVersion: unknown,
  kind: unknown,
): PolicyError {
  const known = `${POLICY_API_VERSION} Policy and ${NETWORK_POLICY_API_VERSION} NetworkPolicy`
  if (typeof document.value !== 'object' || document.value === null) {
    return documentError(document, keys, `no policy document: write ${known}`)
  }
  const at = kind === 'Policy' || kind === 'NetworkPolicy' ? 'apiVersion' : 'kind'
  const found = `${String(apiVersion ?? '(no apiVersion)')} ${String(kind ?? '(no kind)')}`
  return documentError(document, [...keys, at], `${found} is not read here, only ${known}`)
}

function duplicates(placed: readonly Placed[]): PolicyError[] {
  const first = new Map<string, Placed>()
  const errors: PolicyError[] = []
  for (const entry of placed) {
    const { kind, namespace, name } = entry.policy
    const id = `${kind} ${namespace}/${name}`
    const earlier = first.get(id)
    if (earlier === undefined) {
      first.set(id, entry)
      continue
    }
    const { path } = earlier.document
    const { line } = earlier.document.position([...earlier.keys, 'metadata', 'name'])
    const message = `${id} is already in ${path}:${line}: rename or remove one`
    errors.push(documentError(entry.document, [...entry.keys, 'metadata', 'name'], message))
  }
  return errors
}
