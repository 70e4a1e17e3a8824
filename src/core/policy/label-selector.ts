/** Kubernetes label selectors: all of matchLabels and all of matchExpressions must hold. */

export type Labels = Readonly<Record<string, string>>

export interface LabelRequirement {
  readonly key: string
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
  readonly values: readonly string[]
}

export interface LabelSelector {
  readonly matchLabels: Labels
  readonly matchExpressions: readonly LabelRequirement[]
}

/** The label that the API server sets on every namespace. */
export const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name'

/** `{}`: selects all. */
export const SELECT_ALL: LabelSelector = { matchLabels: {}, matchExpressions: [] }

export function selects(selector: LabelSelector, labels: Labels): boolean {
  for (const key of Object.keys(selector.matchLabels)) {
    if (labelOf(labels, key) !== selector.matchLabels[key]) return false
  }
  return selector.matchExpressions.every((requirement) => meets(requirement, labels))
}

/** NotIn holds for an absent key too, as in Kubernetes. */
function meets(requirement: LabelRequirement, labels: Labels): boolean {
  const value = labelOf(labels, requirement.key)
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && requirement.values.includes(value)
    case 'NotIn':
      return value === undefined || !requirement.values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
  }
}

/** Own keys only: a label may be called `constructor`. */
export function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined
}

export function namespaceLabels(name: string, labels: Labels): Labels {
  return { ...labels, [NAMESPACE_NAME_LABEL]: name }
}
