/** The addresses that endpoints.d says a pod has, beside those it was given at ADD. */
import type { EndpointsDirectory } from './endpoints-directory.js'
import { type Glob, matchGlob, parseGlob } from './glob.js'

export class ListedAddresses {
  readonly #exact = new Map<string, string[]>()
  readonly #globs: { namespace: string; glob: Glob; addresses: readonly string[] }[] = []

  constructor(directory: EndpointsDirectory) {
    for (const { namespace, name, addresses } of directory.pods) {
      if (addresses.length === 0) continue
      const key = `${namespace}/${name}`
      if (name.includes('*')) this.#globs.push({ namespace, glob: parseGlob(name), addresses })
      else this.#exact.set(key, [...(this.#exact.get(key) ?? []), ...addresses])
    }
  }

  of(namespace: string, pod: string): readonly string[] {
    const matching = this.#globs.filter(
      (entry) => entry.namespace === namespace && matchGlob(entry.glob, pod),
    )
    return [
      ...(this.#exact.get(`${namespace}/${pod}`) ?? []),
      ...matching.flatMap(({ addresses }) => addresses),
    ]
  }
}
