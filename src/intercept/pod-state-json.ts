/**
 * A pod's state as text, for the journal. Schemas are made when one is read: an ADD only writes, and a call
 * of the plugin would pay for them.
 */
import * as z from 'zod/mini'

const octets = z.lazy(() =>
  z.pipe(
    z.string(),
    z.transform((text) => new Uint8Array(Buffer.from(text, 'base64'))),
  ),
)
const dumpedSchema = z.lazy(() =>
  z.object({
    header: octets,
    attributes: z.array(z.object({ type: z.int(), flags: z.int(), octets })),
  }),
)
const linkSchema = z.lazy(() =>
  z.object({
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
  }),
)
export const podStateSchema = z.lazy(() =>
  z.object({
    link: linkSchema,
    addresses: z.array(dumpedSchema),
    routes: z.array(dumpedSchema),
    neighbours: z.array(dumpedSchema),
    learned: z.optional(z.array(dumpedSchema)),
    sysctls: z.array(z.tuple([z.string(), z.string()])),
  }),
)

/** JSON.stringify's replacer: octets as base64, as `podStateSchema` reads them. */
export function octetsAsBase64(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value
}
