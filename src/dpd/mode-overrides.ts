/** What `dpctl mode` said of pods, kept over restarts: modes by pod name, quarantine by pod UID. */
import * as z from 'zod'
import { modeSchema } from '../core/api/endpoint.js'
import type { EndpointRecord, Mode } from '../core/endpoint.js'
import { readState, writeState } from './state.js'

const overridesSchema = z.object({
  schema: z.literal(1),
  modes: z.array(
    z.object({ namespace: z.string(), pod: z.string(), ifName: z.string(), mode: modeSchema }),
  ),
  quarantined: z.array(z.string()),
})
type Overrides = z.infer<typeof overridesSchema>

type PodInterface = Pick<EndpointRecord, 'namespace' | 'pod' | 'ifName'>

/** A pod without a UID (a lone node's container) is known by its container. */
function quarantineKey(record: EndpointRecord): string {
  return record.podUid ?? `container:${record.containerID}`
}

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

  isQuarantined(record: EndpointRecord): boolean {
    return this.#state.quarantined.includes(quarantineKey(record))
  }

  setMode(record: EndpointRecord, mode: Mode | 'auto'): void {
    const { namespace, pod, ifName } = record
    const others = this.#state.modes.filter((override) => !isSame(override, record))
    const modes = mode === 'auto' ? others : [...others, { namespace, pod, ifName, mode }]
    this.#save({ ...this.#state, modes })
  }

  setQuarantined(record: EndpointRecord, on: boolean): void {
    const key = quarantineKey(record)
    const others = this.#state.quarantined.filter((other) => other !== key)
    this.#save({ ...this.#state, quarantined: on ? [...others, key] : others })
  }

  /** What the plugin must know while dpd is absent. */
  all(): readonly (PodInterface & { readonly mode: Mode })[] {
    return this.#state.modes
  }

  #save(state: Overrides): void {
    writeState(this.file, state)
    this.#state = state
  }
}
