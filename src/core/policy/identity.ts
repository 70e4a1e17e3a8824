/** Who is who: the pods that are known, with labels and addresses, and what a selector picks. */
import { type AddressSpan, addressSpan } from './address-ranges.js'
import type { EndpointsDirectory } from './endpoints-directory.js'
import { compareSpecificity, type Glob, matchGlob, parseGlob } from './glob.js'
import { type LabelSelector, type Labels, namespaceLabels, selects } from './label-selector.js'

/** One local pod interface that policy is compiled for. */
export interface PolicyEndpoint {
  readonly id: number
  readonly namespace: string
  readonly pod: string
  /** Absent = what the directory says of the pod. */
  readonly labels?: Labels
  /** With or without prefix length. */
  readonly addresses: readonly string[]
}

export interface Identity {
  readonly namespace: string
  readonly labels: Labels
  readonly addresses: readonly AddressSpan[]
  /** Endpoint id, or null for a pod that only the directory knows. */
  readonly endpoint: number | null
}

/** Labels by namespace and pod name, from the directory's names and globs. */
export class PodLabels {
  readonly #exact = new Map<string, Labels[]>()
  readonly #globs = new Map<string, { readonly glob: Glob; readonly labels: Labels }[]>()

  constructor(directory: EndpointsDirectory) {
    // The most specific comes last: it wins for each label.
    const entries = [...directory.pods].sort((a, b) => compareSpecificity(b.name, a.name))
    for (const { namespace, name, labels } of entries) {
      if (name.includes('*')) push(this.#globs, namespace, { glob: parseGlob(name), labels })
      else push(this.#exact, `${namespace}/${name}`, labels)
    }
  }

  of(namespace: string, pod: string): Labels {
    const globs = this.#globs.get(namespace) ?? []
    const matching = globs.filter(({ glob }) => matchGlob(glob, pod)).map(({ labels }) => labels)
    return Object.assign({}, ...matching, ...(this.#exact.get(`${namespace}/${pod}`) ?? []))
  }
}

/** An address of a live endpoint is that endpoint's, whatever the directory says of it. */
export function identitiesOf(
  directory: EndpointsDirectory,
  endpoints: readonly PolicyEndpoint[],
): Identity[] {
  const known = new PodLabels(directory)
  const identities: Identity[] = []
  const taken = new Set<string>()
  for (const { id, namespace, pod, labels, addresses } of endpoints) {
    const spans = addresses.map(addressSpan)
    for (const span of spans) taken.add(addressKey(span))
    identities.push({
      namespace,
      labels: labels ?? known.of(namespace, pod),
      addresses: spans,
      endpoint: id,
    })
  }
  for (const { namespace, name, labels, addresses } of directory.pods) {
    const free = addresses.map(addressSpan).filter((span) => !taken.has(addressKey(span)))
    const all = { ...known.of(namespace, name), ...labels }
    identities.push({ namespace, labels: all, addresses: free, endpoint: null })
  }
  return identities
}

function addressKey({ family, first }: AddressSpan): string {
  return `${family} ${first}`
}

export class IdentityIndex {
  readonly #namespaces = new Map<string, Labels>()
  readonly #pods = new Map<string, Identity[]>()
  readonly #byLabel = new Map<string, Identity[]>()
  readonly #picked = new Map<string, readonly Identity[]>()

  constructor(directory: EndpointsDirectory, identities: readonly Identity[]) {
    for (const { name, labels } of directory.namespaces) {
      this.#namespaces.set(name, namespaceLabels(name, labels))
    }
    for (const identity of identities) {
      const { namespace } = identity
      if (!this.#namespaces.has(namespace)) {
        this.#namespaces.set(namespace, namespaceLabels(namespace, {}))
      }
      push(this.#pods, namespace, identity)
      for (const [key, value] of Object.entries(identity.labels)) {
        push(this.#byLabel, labelKey(namespace, key, value), identity)
      }
    }
  }

  /** `namespaceSelector` null = the namespace `own`. */
  pick(
    own: string,
    namespaceSelector: LabelSelector | null,
    podSelector: LabelSelector,
  ): readonly Identity[] {
    const key = JSON.stringify([namespaceSelector ?? own, podSelector])
    const known = this.#picked.get(key)
    if (known !== undefined) return known
    const namespaces =
      namespaceSelector === null
        ? [own]
        : [...this.#namespaces].filter(([, l]) => selects(namespaceSelector, l)).map(([n]) => n)
    const picked = namespaces.flatMap((namespace) => this.#pickIn(namespace, podSelector))
    this.#picked.set(key, picked)
    return picked
  }

  #pickIn(namespace: string, selector: LabelSelector): Identity[] {
    const candidates = this.#candidates(namespace, selector)
    return candidates.filter(({ labels }) => selects(selector, labels))
  }

  /** The shortest list that one of matchLabels leaves. */
  #candidates(namespace: string, selector: LabelSelector): Identity[] {
    let best = this.#pods.get(namespace) ?? []
    for (const [key, value] of Object.entries(selector.matchLabels)) {
      const list = this.#byLabel.get(labelKey(namespace, key, value)) ?? []
      if (list.length < best.length) best = list
    }
    return best
  }
}

function labelKey(namespace: string, key: string, value: string): string {
  return `${namespace} ${key}=${value}`
}

function push<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}
