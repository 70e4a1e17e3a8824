/** An endpoint is one pod interface under our care: its identity, its links, and what is done to its traffic. */

export type DriverName = 'bpf' | 'tc' | 'nfqueue' | 'ovs'
/** What the kernel does with the endpoint's frames (design §2, "Paths per endpoint"). */
export type EndpointPath = 'direct' | 'tap' | 'inline' | 'quarantine'
export type Mode = 'discover' | 'monitor' | 'protect'
/** What happens to an endpoint's traffic while nothing can judge it. */
export type Failure = 'open' | 'closed'

/**
 * How an endpoint's frames come to us: its interface replaced by an intercept pair (`swap`), left where it is
 * with its frames led through a second pair (`hairpin`), or untouched with rules in the pod's own namespace
 * (`rules`).
 */
export type Attachment = 'swap' | 'hairpin' | 'rules'

/** The interface by which a pod speaks to itself. */
export const LOOPBACK = 'lo'

/** The key of all our state: never netns or prevResult, which runtimes do not always give (CNI DEL). */
export interface AttachmentKey {
  readonly containerID: string
  readonly ifName: string
}

/** File schema of `/run/<instance>/endpoints/<key>.json`; bump on change. */
export const ENDPOINT_RECORD_SCHEMA = 1

export interface EndpointRecord extends AttachmentKey {
  readonly schema: typeof ENDPOINT_RECORD_SCHEMA
  /** /proc/sys/kernel/random/boot_id at ADD: a record of another boot names nothing that exists. */
  readonly bootId: string
  /** 1..0x3fff, from the persisted allocator; also the low bits of the UCMAC. */
  readonly id: number
  /** CNI network name (the conflist's), for GC. */
  readonly network: string
  /** CNI_NETNS verbatim, and the inode it had: an inode that differs is another pod's. */
  readonly netns: string
  readonly netnsInode: string
  readonly namespace: string
  readonly pod: string
  readonly podUid: string | null
  readonly driver: DriverName
  /** Why this driver and this way: shown to the operator. '' = recorded by a version that did not say. */
  readonly why: string
  readonly attachment: Attachment
  /** null with `rules`: nothing of ours is a link. */
  readonly links: EndpointLinks | null
  /** aa:bb:cc:dd:ee:ff of the interface, where `links` is null. */
  readonly mac?: string | undefined
  /** `address/prefix`, both families, as on eth0 at ADD. */
  readonly addresses: readonly string[]
  /** `fe80::…/64`, as on eth0 at ADD: they name nobody, but the pod may send from them. */
  readonly linkLocals?: readonly string[] | undefined
  readonly failure: Failure
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

/** The same ADD's record: a later ADD may have the same key, a later endpoint the same id. */
export function isSameAttachment(a: EndpointRecord, b: EndpointRecord): boolean {
  return a.id === b.id && a.netnsInode === b.netnsInode && a.createdAt === b.createdAt
}

export interface EndpointLinks {
  /** aa:bb:cc:dd:ee:ff of eth0, kept over the swap. */
  readonly mac: string
  readonly mtuOctets: number
  /**
   * eth0's ifindex in the pod while intercepted: after a swap vex's, which the host veth tells for its
   * peer; with a hairpin, or a swap of a running pod, the one that it always had.
   */
  readonly podIfindex: number
  readonly vinName: string
  readonly vinIfindex: number
  /** With a hairpin vin again: both directions leave by it. */
  readonly vexName: string
  readonly vexIfindex: number
  /** ifindex of the primary CNI's host veth; vin has the same index unless `peerIndexLost`. */
  readonly hostIfindex: number
  readonly peerIndexLost: boolean
}

/** Of an endpoint whose frames pass links of ours. */
export function linksOf({
  links,
  namespace,
  pod,
  ifName,
  attachment,
}: EndpointRecord): EndpointLinks {
  if (links !== null) return links
  throw new TypeError(`${namespace}/${pod} ${ifName} is attached by ${attachment}: it has no links`)
}
