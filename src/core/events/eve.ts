/**
 * Events in the form of Suricata's EVE JSON, so that what reads those reads ours: common fields and
 * one object per protocol, plus `vethwall` with what only we know.
 */
import type { Decision, FlowView } from '../api/flow.js'
import type { Mode } from '../endpoint.js'
import type { ClosedEvent, Fields, FiveTuple } from '../inspect/contract.js'
import { eveTimestamp } from './timestamp.js'

export type EventType = 'flow' | 'http' | 'tls' | 'quic' | 'dns' | 'drop' | 'alert'
/** Apps whose transactions are events. */
const TRANSACTION_TYPES = ['http', 'tls', 'quic', 'dns'] as const satisfies readonly EventType[]
export type TransactionType = (typeof TRANSACTION_TYPES)[number]
export type EveEvent = Readonly<Record<string, unknown>>

/** IANA protocol numbers as EVE spells them. */
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'ICMP',
  4: 'IPIP',
  6: 'TCP',
  17: 'UDP',
  41: 'IPv6',
  47: 'GRE',
  58: 'IPv6-ICMP',
  132: 'SCTP',
}

export function protocolName(protocol: number): string {
  return PROTOCOLS[protocol] ?? String(protocol)
}

/** Made of each flow that ends: what an event says, and no more. */
export interface EventFlow {
  readonly flow: number
  readonly tuple: FiveTuple
  readonly app: string | null
  readonly endpoint: {
    readonly id: number
    readonly namespace: string
    readonly pod: string
    readonly mode: Mode
  }
  readonly direction: FlowView['direction']
  /** Name or address. */
  readonly peer: string
}

// Members are put in one by one where objects could be spread: these are made tens of thousands of times a second.
function commonFields(flow: EventFlow, type: EventType, atMs: number): Record<string, unknown> {
  const { tuple, app } = flow
  const fields: Record<string, unknown> = {
    timestamp: eveTimestamp(atMs),
    flow_id: flow.flow,
    event_type: type,
    src_ip: tuple.source,
    src_port: tuple.sourcePort,
    dest_ip: tuple.destination,
    dest_port: tuple.destinationPort,
    proto: protocolName(tuple.protocol),
  }
  if (tuple.vlan !== 0) fields.vlan = [tuple.vlan]
  if (app !== null) fields.app_proto = app === 'unknown' ? 'failed' : app
  return fields
}

function vethwallFields(flow: EventFlow, decision: Decision): Record<string, unknown> {
  const { endpoint, tuple } = flow
  const isEnforced = endpoint.mode === 'protect'
  const fields: Record<string, unknown> = {
    endpoint: endpoint.id,
    namespace: endpoint.namespace,
    pod: endpoint.pod,
    direction: flow.direction,
    peer: flow.peer,
    mode: endpoint.mode,
    verdict: isEnforced ? decision.verdict : 'allow',
    policy: decision.policy,
    rule: decision.rule,
    reason: decision.reason,
    generation: decision.generation,
  }
  if (!isEnforced) fields.would = decision.verdict
  if (tuple.tunnel !== undefined) fields.tunnel = tuple.tunnel
  return fields
}

/** Our field names → EVE's, per protocol; what is not listed goes under its own name, but for
 * header fields and the target: they may hold secrets. */
const EVE_NAMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  http: {
    host: 'hostname',
    path: 'url',
    method: 'http_method',
    version: 'protocol',
    'header.user-agent': 'http_user_agent',
    'header.referer': 'http_refer',
    'reply.content-type': 'http_content_type',
    'reply.content-length': 'length',
  },
  tls: {},
  dns: { names: 'rrname', name: 'rrname', types: 'rrtype', type: 'rrtype' },
}

export function protocolFields(app: string, fields: Fields): Record<string, unknown> {
  const names = EVE_NAMES[app] ?? {}
  const told: Record<string, unknown> = {}
  for (const name in fields) {
    const known = names[name]
    if (known !== undefined) told[known] = fields[name]
    else if (name !== 'target' && !name.includes('.')) told[name] = fields[name]
  }
  return told
}

export function isTransactionType(app: string): app is TransactionType {
  return TRANSACTION_TYPES.some((type) => type === app)
}

export function transactionEvent(
  flow: EventFlow,
  type: TransactionType,
  transaction: { readonly fields: Fields; readonly decision: Decision },
  atMs: number,
): EveEvent {
  const event = commonFields(flow, type, atMs)
  event.app_proto = type
  event[type] = protocolFields(type, transaction.fields)
  event.vethwall = vethwallFields(flow, transaction.decision)
  return event
}

/** One denial as it happens: `drop` where it was enforced, `alert` where it only would have been. */
export function denialEvent(
  flow: EventFlow,
  decision: Decision,
  fields: Fields,
  atMs: number,
): EveEvent {
  const enforced = flow.endpoint.mode === 'protect'
  const app = flow.app ?? 'unknown'
  return {
    ...commonFields(flow, enforced ? 'drop' : 'alert', atMs),
    ...(enforced
      ? { drop: { reason: decision.reason } }
      : { alert: { action: 'allowed', signature: decision.rule, category: decision.reason } }),
    ...(Object.keys(fields).length === 0 ? {} : { [app]: protocolFields(app, fields) }),
    vethwall: vethwallFields(flow, decision),
  }
}

export type SpoofReason =
  | 'spoofed-ip'
  | 'spoofed-arp'
  | 'spoofed-nd'
  | 'foreign-mac'
  | 'forged-marker'

export interface SpoofNews {
  readonly endpoint: number
  readonly namespace: string
  readonly pod: string
  readonly ifName: string
  readonly mode: Mode
  readonly reason: SpoofReason
  /** Since the event before. */
  readonly frames: number
  readonly total: number
}

/** Frames of a pod that claimed to be another's. They have no flow, and what they say of themselves is false. */
export function spoofEvent(news: SpoofNews, atMs: number): EveEvent {
  const { endpoint, namespace, pod, ifName, mode, reason, frames, total } = news
  return {
    timestamp: eveTimestamp(atMs),
    event_type: 'drop' satisfies EventType,
    in_iface: ifName,
    drop: { reason },
    vethwall: {
      ...{ endpoint, namespace, pod, direction: 'egress', mode, verdict: 'deny', reason },
      ...{ frames, total },
    },
  }
}

/** A pod was cut off, or let in again: `alert`, for somebody is to know. */
export function quarantineEvent(
  who: Pick<SpoofNews, 'endpoint' | 'namespace' | 'pod' | 'ifName' | 'mode'>,
  state: 'begin' | 'end',
  { reason, since }: { readonly reason: string | null; readonly since: string | null },
  atMs: number,
): EveEvent {
  const { ifName, ...named } = who
  const begins = state === 'begin'
  return {
    timestamp: eveTimestamp(atMs),
    event_type: 'alert' satisfies EventType,
    in_iface: ifName,
    alert: {
      action: begins ? 'blocked' : 'allowed',
      signature: `quarantine ${begins ? 'begins' : 'ends'}`,
      category: 'quarantine',
    },
    vethwall: { ...named, reason: 'quarantine', quarantine: { state, reason, since } },
  }
}

/** A flow has ended. */
export function flowEvent(
  flow: EventFlow,
  decision: Decision,
  { how, counts }: Pick<ClosedEvent, 'how' | 'counts'>,
  startedAtMs: number,
  endedAtMs: number,
): EveEvent {
  const event = commonFields(flow, 'flow', endedAtMs)
  event.flow = {
    pkts_toserver: counts.packets.orig,
    pkts_toclient: counts.packets.reply,
    bytes_toserver: counts.octets.orig,
    bytes_toclient: counts.octets.reply,
    start: eveTimestamp(startedAtMs),
    end: eveTimestamp(endedAtMs),
    age: Math.max(0, Math.floor((endedAtMs - startedAtMs) / 1000)),
    state: 'closed',
    reason: how,
  }
  event.vethwall = vethwallFields(flow, decision)
  return event
}
