/** Counters by three labels. Counted per flow and transaction: no key is put together for that. */
type Labels = readonly [string, string, string]

export class LabelCounts {
  readonly #counts = new Map<string, Map<string, Map<string, number>>>()

  count(...[first, second, third]: Labels): void {
    const thirds = inner(inner(this.#counts, first), second)
    thirds.set(third, (thirds.get(third) ?? 0) + 1)
  }

  /** By the labels with a space between. */
  all(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const [first, seconds] of this.#counts)
      for (const [second, thirds] of seconds)
        for (const [third, count] of thirds) counts.set(`${first} ${second} ${third}`, count)
    return counts
  }
}

function inner<T>(maps: Map<string, Map<string, T>>, label: string): Map<string, T> {
  const known = maps.get(label)
  if (known !== undefined) return known
  const made = new Map<string, T>()
  maps.set(label, made)
  return made
}
