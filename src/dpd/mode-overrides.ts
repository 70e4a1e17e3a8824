/** What `dpctl mode` said of pods, kept over restarts: modes by pod name, quarantine by pod UID. */
import * as z from 'zod'
import type { Quarantine } from '../core/api/endpoint.js'
import { modeSchema, quarantineSchema } from '../core/api/endpoint.js'
import type { EndpointRecord, Mode } from '../core/endpoint.js'
import { quarantineKey } from '../core/policy/attach-rules.js'
import { readState, writeState } from './state.js'

/** Before reasons were kept, the key alone. */
const quarantinedSchema = z.union([
  z.string().transform((key) => ({ key, reason: null, since: null })),
  quarantineSchema.extend({ key: z.string() }),
])

const overridesSchema = z.object({
  schema: z.literal(1),
  modes: z.array(
    z.object({ namespace: z.string(), pod: z.string(), ifName: z.string(), mode: modeSchema }),
  ),
  quarantined: z.array(quarantinedSchema),
})
type Overrides = z.infer<typeof overridesSchema>

type PodInterface = Pick<EndpointRecord, 'namespace' | 'pod' | 'ifName'>

function isSame(a: PodInterface, b: PodInterface): boolean {
  return a.namespace === b.namespace && a.pod === b.pod && a.ifName === b.ifName
}

export class ModeOverrides {
  #state: Overrides

  constructor(
    private readonly file: string,
    onFault: (message: string) => void,
  ) {
    this.#state = readState(file, overridesSchema, onFault) ?? {
      schema: 1,
      modes: [],
      quarantined: [],
    }
  }

  mode(record: EndpointRecord): Mode | null {
    return this.#state.modes.find((override) => isSame(override, record))?.mode ?? null
  }

  /** null = it is in none. */
  quarantine(record: EndpointRecord): Quarantine | null {
    const key = quarantineKey(record)
    const found = this.#state.quarantined.find((entry) => entry.key === key)
    return found === undefined ? null : { reason: found.reason, since: found.since }
  }

  setMode(record: EndpointRecord, mode: Mode | 'auto'): void {
    const { namespace, pod, ifName } = record
    const others = this.#state.modes.filter((override) => !isSame(override, record))
    const modes = mode === 'auto' ? others : [...others, { namespace, pod, ifName, mode }]
    this.#save({ ...this.#state, modes })
  }

  /** null = released. */
  setQuarantine(record: EndpointRecord, quarantine: Quarantine | null): void {
    const key = quarantineKey(record)
    const others = this.#state.quarantined.filter((entry) => entry.key !== key)
    const quarantined = quarantine === null ? others : [...others, { key, ...quarantine }]
    this.#save({ ...this.#state, quarantined })
  }

  /** What the plugin must know while dpd is absent. */
  all(): readonly (PodInterface & { readonly mode: Mode })[] {
    return this.#state.modes
  }

  /** Their keys, for the same. */
  quarantined(): readonly string[] {
    return this.#state.quarantined.map(({ key }) => key)
  }

  #save(state: Overrides): void {
    writeState(this.file, state)
    this.#state = state
  }
}
