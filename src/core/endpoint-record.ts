/**
 * The one schema of an endpoint record: as a file below /run, in the journal, and in the plugin's notice
 * to dpd. In zod/mini, and made at its first use, since the plugin loads it for every pod.
 */
import * as z from 'zod/mini'
import { ENDPOINT_RECORD_SCHEMA, type EndpointRecord } from './endpoint.js'
import { ENDPOINT_ID_MAX } from './instance.js'

/** linux/if.h: IFNAMSIZ less its NUL. */
const ifName = z.lazy(() =>
  z.string().check(z.minLength(1), z.maxLength(15), z.regex(/^[^/\s:]+$/)),
)
const ifindex = z.lazy(() => z.int().check(z.minimum(1), z.maximum(0x7fffffff)))

const mac = z.lazy(() => z.string().check(z.regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/)))

const linksSchema = z.lazy(() =>
  z.object({
    mac,
    mtuOctets: z.int().check(z.minimum(68), z.maximum(65535)),
    podIfindex: ifindex,
    vinName: ifName,
    vinIfindex: ifindex,
    vexName: ifName,
    vexIfindex: ifindex,
    /** 0 where the kernel told no peer. */
    hostIfindex: z.int().check(z.minimum(0), z.maximum(0x7fffffff)),
    peerIndexLost: z.boolean(),
  }),
)

export const endpointRecordSchema: z.ZodMiniType<EndpointRecord> = z.lazy(() =>
  z.object({
    schema: z.literal(ENDPOINT_RECORD_SCHEMA),
    bootId: z.string(),
    id: z.int().check(z.minimum(1), z.maximum(ENDPOINT_ID_MAX)),
    containerID: z.string().check(z.minLength(1)),
    ifName,
    network: z.string(),
    netns: z.string(),
    netnsInode: z.string(),
    namespace: z.string().check(z.minLength(1)),
    pod: z.string().check(z.minLength(1)),
    podUid: z.nullable(z.string()),
    driver: z.enum(['bpf', 'tc', 'nfqueue', 'ovs']),
    /** Records from before running pods and rules have neither: they are swaps. */
    why: z._default(z.string(), ''),
    attachment: z._default(z.enum(['swap', 'hairpin', 'rules']), 'swap'),
    links: z.nullable(linksSchema),
    mac: z.optional(mac),
    addresses: z.array(z.string()),
    linkLocals: z.optional(z.array(z.string())),
    failure: z.enum(['open', 'closed']),
    createdAt: z.string(),
  }),
)
