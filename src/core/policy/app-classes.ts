/**
 * "Every completion" of a flow whose app is not known yet, as bits: a class per app that some rule
 * names, and one for all others with the unknown. 32 bits, so that the engine can do it too.
 */

/** Every app that no rule names, and the unknown. */
export const OTHER_APPS = 1 << 31
export const ALL_APPS = -1
/** With more apps than classes the last ones share a class: undecided more often, never wrong. */
const OWN_CLASSES = 30
const SHARED_CLASS = 1 << OWN_CLASSES

export interface AppClasses {
  readonly bits: ReadonlyMap<string, number>
  readonly shared: readonly string[]
}

export function classifyApps(apps: Iterable<string>): AppClasses {
  const sorted = [...new Set(apps)].sort()
  const bits = new Map(sorted.map((app, i) => [app, i < OWN_CLASSES ? 1 << i : SHARED_CLASS]))
  return { bits, shared: sorted.slice(OWN_CLASSES) }
}

export function possibleClasses(classes: AppClasses, apps: ReadonlySet<string> | null): number {
  if (apps === null) return ALL_APPS
  let mask = 0
  for (const app of apps) mask |= classes.bits.get(app) ?? OTHER_APPS
  return mask
}

export function certainClasses(classes: AppClasses, apps: ReadonlySet<string> | null): number {
  const mask = possibleClasses(classes, apps)
  const whole = apps === null || classes.shared.every((app) => apps.has(app))
  return whole ? mask : mask & ~SHARED_CLASS
}
