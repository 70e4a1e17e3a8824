/** A pod's state as text, for the journal. */
import * as z from 'zod/mini'
import type { PodState } from './pod-state.js'

const octets = z.pipe(
  z.string(),
  z.transform((text) => new Uint8Array(Buffer.from(text, 'base64'))),
)
const dumpedSchema = z.object({
  header: octets,
  attributes: z.array(z.object({ type: z.int(), flags: z.int(), octets })),
})
const linkSchema = z.object({
  ifindex: z.int(),
  flags: z.int(),
  name: z.string(),
  mac: z.string(),
  mtuOctets: z.int(),
  txQueueFrames: z.int(),
  peerIfindex: z.int(),
  kind: z.string(),
  addrGenMode: z.nullable(z.int()),
  alias: z.string(),
  isPeerHere: z.boolean(),
  masterIfindex: z.int(),
  group: z.int(),
  txQueues: z.int(),
  rxQueues: z.int(),
  altNames: z.array(z.string()),
  gsoMaxOctets: z.nullable(z.int()),
  gsoMaxSegments: z.nullable(z.int()),
  bridgePort: z.optional(z.array(z.tuple([z.int(), z.int()]))),
})
export const podStateSchema = z.object({
  link: linkSchema,
  addresses: z.array(dumpedSchema),
  routes: z.array(dumpedSchema),
  neighbours: z.array(dumpedSchema),
  sysctls: z.array(z.tuple([z.string(), z.string()])),
})

/** JSON with octets as base64, the input of `podStateSchema`. */
export function podStateJson(state: PodState): unknown {
  return JSON.parse(
    JSON.stringify(state, (_key, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
    ),
  )
}
