/**
 * The contract between the engine (packets, C++), the parsers (protocols) and the judge (policy).
 * Release follows the judge, never the parser. A change here is a decision record.
 */

/** orig = the opener's octets. */
export type Dir = 'orig' | 'reply'
/** Octet offset in one direction from its first payload octet; the datagram's index for UDP. */
export type At = number
/** Below 2^53. */
export type FlowId = number
/** Unique in its flow. */
export type TxId = number
export type Fields = Readonly<Record<string, string | number | boolean | readonly string[]>>
/** Index into the rule table of one policy generation; see `core/policy/rule-id.ts`. */
export type RuleId = number

export interface FiveTuple {
  readonly protocol: number
  /** Text form, IPv6 in RFC 5952 spelling; source = the opener. For ICMP echo both ports are the id. */
  readonly source: string
  readonly sourcePort: number
  readonly destination: string
  readonly destinationPort: number
  /** 802.1Q VLAN id, 0 = untagged. */
  readonly vlan: number
  /** Of a flow that came out of a tunnel: the innermost one. */
  readonly tunnel?: Tunnel
}

export interface Tunnel {
  readonly kind: 'ip' | 'gre' | 'vxlan' | 'geneve'
  /** VNI or GRE key; 0 where there is none. */
  readonly id: number
  /** The tunnel's other end. */
  readonly peer: string
}

/** What a parser may know of its flow. */
export interface FlowView {
  readonly flow: FlowId
  readonly tuple: FiveTuple
  readonly transport: 'tcp' | 'udp'
}

/** Pure: only S changes; never throws; octets are valid during the call only. */
export interface Parser<S> {
  readonly app: string
  readonly transport: readonly ('tcp' | 'udp')[]
  readonly limits: ParserLimits
  readonly begins?: Begins
  /**
   * Heads from the first octet of each direction. Server-first protocols work. Of a stream it says yes from some octet
   * on, and of less `more`: by that octet it is chosen among others that say yes.
   */
  probe(heads: Readonly<Record<Dir, Uint8Array>>, ended: Readonly<Record<Dir, boolean>>): Probed
  open(flow: FlowView): S
  /** input starts at the first octet not taken; UDP: one whole datagram. */
  step(state: S, dir: Dir, input: Uint8Array, at: At, ended: boolean): Step
  /** Tap and midstream only; inline never. */
  gap(state: S, dir: Dir, at: At, octets: number): Step
  /** The protocol's own refusal of a denied transaction: DNS REFUSED, HTTP 403. */
  refusal?(state: S, tx: TxId): Refusal | null
  /** Of protocols whose connections rest for long; absent = their state is kept as it is. */
  readonly rest?: ParserRest<S>
}

/**
 * First octets that a flow of the parser can begin with, so that others' are not probed: of the opener, or, where it has
 * said nothing, of the reply. Absent = any. With another one the probe's answer is `no`.
 */
export type Begins = Readonly<Partial<Record<Dir, ReadonlySet<number>>>>

/** `greeting` = more, and it can only come of the opener, who says nothing before it has the reply's octets. */
export type Probed = 'yes' | 'no' | 'more' | 'greeting'

/** What a state between two messages comes down to: a flow that nothing comes of is kept as text. */
export interface ParserRest<S> {
  /** null = a message or a transaction is under way, or the state is more than this can say. */
  save(state: S): Saved | null
  /** A state that goes on as the saved one would have. */
  restore(saved: Saved): S
}

/** Values as JSON has them: numbers are finite, nothing is undefined. */
export type Saved = readonly unknown[]

export interface ParserLimits {
  readonly windowOctets: number
  readonly stateOctets: number
  readonly openTx: number
  readonly probeOctets: number
}

export interface Refusal {
  readonly toOpener: Uint8Array
  readonly then: 'close' | 'continue'
}

export interface Step {
  /** Octets. UDP: 1, or 0 while the datagram's transaction is not out yet: those since the last taken stay held. */
  readonly take: number
  readonly facts: readonly Fact[]
  /** Untaken octets come again; a datagram never does. */
  readonly next: Next
}

export type Next =
  /** Untaken octets wanted before the next call; more than the window = malformed. */
  | { readonly kind: 'need'; readonly octets: number }
  /** A body: undelivered, under its transaction's verdict. */
  | { readonly kind: 'skip'; readonly octets: number | 'toEnd' }
  /** This direction rests until the other steps (STARTTLS, Upgrade, CONNECT). */
  | { readonly kind: 'await' }
  /** The octets after `from` are another protocol's; null = probe again. */
  | {
      readonly kind: 'switch'
      readonly app: string | null
      readonly from: Readonly<Record<Dir, At>>
    }
  /** Nothing later in either direction yields a fact. */
  | { readonly kind: 'done' }
  /** The clause violated, e.g. 'RFC 9112 §6.3'. */
  | { readonly kind: 'malformed'; readonly clause: string }

/** In wire order; begin = first octet of the request or reply. */
export type Fact =
  | {
      readonly kind: 'tx'
      readonly tx: TxId
      readonly dir: Dir
      readonly begin: At
      readonly fields: Fields
      /** What no rule asks for and only events tell, as header fields; made if one does, until the end. */
      readonly detail?: () => Fields
      readonly complete: boolean
      /** Of a reply that says which addresses a name stands for; made if a rule follows names. */
      readonly resolved?: () => Resolved | null
    }
  | { readonly kind: 'txEnd'; readonly tx: TxId; readonly end: At }
  | { readonly kind: 'flow'; readonly fields: Fields }

/** A name that the opener asked for and what stands for it, by the chain of aliases between. */
export interface Resolved {
  /** Lower case, no final dot. */
  readonly name: string
  /** Text form, IPv6 in RFC 5952 spelling. */
  readonly addresses: readonly string[]
  /** The least on the way. */
  readonly ttlSeconds: number
}

export type GapCause = 'midstream' | 'lost' | 'memory' | 'out-of-order-limit'

export interface FlowCounts {
  readonly packets: Readonly<Record<Dir, number>>
  /** Octets of whole frames, Ethernet header included. */
  readonly octets: Readonly<Record<Dir, number>>
}

interface OfFlow {
  readonly flow: FlowId
  readonly endpoint: number
}

export interface OpenedEvent extends OfFlow {
  readonly ev: 'opened'
  readonly tuple: FiveTuple
  readonly podSide: 'opener' | 'receiver'
  readonly start: 'syn' | 'datagram' | 'midstream'
  readonly l4: 'allow' | 'deny' | 'undecided'
  /** The rule of `l4`; 0 while undecided. */
  readonly rule: RuleId
  readonly generation: number
}
export interface OctetsEvent extends OfFlow {
  readonly ev: 'octets'
  readonly dir: Dir
  readonly at: At
  readonly octets: Uint8Array
  readonly ended: boolean
  readonly held: boolean
}
export interface GapEvent extends OfFlow {
  readonly ev: 'gap'
  readonly dir: Dir
  readonly at: At
  readonly octets: number
  readonly cause: GapCause
}
export interface HoldEndedEvent extends OfFlow {
  readonly ev: 'holdEnded'
  readonly dir: Dir
  readonly at: At
  readonly cause: 'time' | 'memory'
  readonly took: 'open' | 'closed'
}
export interface ClosedEvent extends OfFlow {
  readonly ev: 'closed'
  readonly how: 'fin' | 'rst' | 'idle' | 'evicted' | 'denied'
  readonly counts: FlowCounts
}
/** The ring was full: affected flows take the failure setting. */
export interface LostEvent {
  readonly ev: 'lost'
  readonly events: number
}
/** Protect: frames from the pod that claim an address of somebody else's; dropped. */
export interface SpoofedEvent {
  readonly ev: 'spoofed'
  readonly endpoint: number
  readonly what: 'ip' | 'arp' | 'nd'
  /** Since the event before. */
  readonly frames: number
}
/** A TCP flow whose verdict stands has carried so much that a filter of the `tc` driver pays for it. */
export interface BigEvent extends OfFlow {
  readonly ev: 'big'
  readonly tuple: FiveTuple
  readonly podSide: 'opener' | 'receiver'
  /** Of the verdicts that allow it. */
  readonly epoch: number
}
/** A connection on the flow's ports is not let begin while a filter may carry it: answer `recalled`. */
export interface RecallEvent extends OfFlow {
  readonly ev: 'recall'
}
export type EngineEvent =
  | OpenedEvent
  | OctetsEvent
  | GapEvent
  | HoldEndedEvent
  | ClosedEvent
  | LostEvent
  | SpoofedEvent
  | BigEvent
  | RecallEvent

export type Answer = 'reset' | 'icmp' | { readonly refusal: Uint8Array }

/** Every command carries flow and generation; a stale one is ignored by the engine. */
interface ToFlow {
  readonly flow: FlowId
  readonly generation: number
}
export interface NeedCommand extends ToFlow {
  readonly cmd: 'need'
  readonly dir: Dir
  readonly octets: number
}
export interface SkipCommand extends ToFlow {
  readonly cmd: 'skip'
  readonly dir: Dir
  readonly from: At
  readonly octets: number | 'toEnd'
}
/** Judged allowed: held octets before upTo go out. */
export interface ReleaseCommand extends ToFlow {
  readonly cmd: 'release'
  readonly dir: Dir
  readonly upTo: At
  readonly rule: RuleId
}
/** then: 'continue' is for datagrams; on TCP a refusal is followed by a clean close. */
export interface DenyCommand extends ToFlow {
  readonly cmd: 'deny'
  readonly dir: Dir
  readonly from: At
  readonly rule: RuleId
  readonly answer: Answer
  readonly then: 'close' | 'continue'
}
/** Final: no more events, cut-through allowed. */
export interface SettleCommand extends ToFlow {
  readonly cmd: 'settle'
  readonly verdict: 'allow' | 'deny'
  readonly rule: RuleId
}
/** No filter carries the flow any more; of any generation. */
export interface RecalledCommand extends ToFlow {
  readonly cmd: 'recalled'
}
export type EngineCommand =
  | NeedCommand
  | SkipCommand
  | ReleaseCommand
  | DenyCommand
  | SettleCommand
  | RecalledCommand
