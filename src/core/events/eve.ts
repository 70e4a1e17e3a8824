/**
 * Events in the form of Suricata's EVE JSON, so that what reads those reads ours: common fields and
 * one object per protocol, plus `vethwall` with what only we know.
 */
import type { Decision, FlowView } from '../api/flow.js'
import type { Mode } from '../endpoint.js'
import type { Fields } from '../inspect/contract.js'

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

/** EVE's clock has microseconds and a numeric zone: 2026-01-01T00:00:00.000000+0000. */
export function eveTimestamp(iso: string): string {
  return iso.replace(/\.(\d{3})Z$/, '.$1000+0000')
}

function commonFields(flow: FlowView, type: EventType, iso: string): Record<string, unknown> {
  return {
    timestamp: eveTimestamp(iso),
    flow_id: flow.flow,
    event_type: type,
    src_ip: flow.source,
    src_port: flow.sourcePort,
    dest_ip: flow.destination,
    dest_port: flow.destinationPort,
    proto: protocolName(flow.protocol),
    ...(flow.vlan === 0 ? {} : { vlan: [flow.vlan] }),
    ...(flow.app === null ? {} : { app_proto: flow.app === 'unknown' ? 'failed' : flow.app }),
  }
}

function vethwallFields(flow: FlowView, decision: Decision): Record<string, unknown> {
  return {
    endpoint: flow.endpoint,
    namespace: flow.namespace,
    pod: flow.pod,
    direction: flow.direction,
    peer: flow.peer.name ?? flow.peer.address,
    ...(flow.tunnel === undefined ? {} : { tunnel: flow.tunnel }),
    mode: flow.mode,
    verdict: flow.mode === 'protect' ? decision.verdict : 'allow',
    ...(flow.mode === 'protect' ? {} : { would: decision.verdict }),
    policy: decision.policy,
    rule: decision.rule,
    reason: decision.reason,
    generation: decision.generation,
  }
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
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([name]) => names[name] !== undefined || (!name.includes('.') && name !== 'target'))
      .map(([name, value]) => [names[name] ?? name, value]),
  )
}

export function isTransactionType(app: string): app is TransactionType {
  return TRANSACTION_TYPES.some((type) => type === app)
}

export function transactionEvent(
  flow: FlowView,
  type: TransactionType,
  transaction: { readonly fields: Fields; readonly decision: Decision },
  iso: string,
): EveEvent {
  return {
    ...commonFields({ ...flow, app: type }, type, iso),
    [type]: protocolFields(type, transaction.fields),
    vethwall: vethwallFields(flow, transaction.decision),
  }
}

/** One denial as it happens: `drop` where it was enforced, `alert` where it only would have been. */
export function denialEvent(
  flow: FlowView,
  decision: Decision,
  fields: Fields,
  iso: string,
): EveEvent {
  const enforced = flow.mode === 'protect'
  const app = flow.app ?? 'unknown'
  return {
    ...commonFields(flow, enforced ? 'drop' : 'alert', iso),
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
export function spoofEvent(news: SpoofNews, iso: string): EveEvent {
  const { endpoint, namespace, pod, ifName, mode, reason, frames, total } = news
  return {
    timestamp: eveTimestamp(iso),
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
  iso: string,
): EveEvent {
  const { ifName, ...named } = who
  const begins = state === 'begin'
  return {
    timestamp: eveTimestamp(iso),
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

export function flowEvent(flow: FlowView, iso: string): EveEvent {
  const startMs = Date.parse(flow.startedAt)
  const endMs = Date.parse(flow.endedAt ?? iso)
  return {
    ...commonFields(flow, 'flow', iso),
    flow: {
      ...(flow.counts === null
        ? {}
        : {
            pkts_toserver: flow.counts.packets.orig,
            pkts_toclient: flow.counts.packets.reply,
            bytes_toserver: flow.counts.octets.orig,
            bytes_toclient: flow.counts.octets.reply,
          }),
      start: eveTimestamp(flow.startedAt),
      end: eveTimestamp(flow.endedAt ?? iso),
      age: Math.max(0, Math.floor((endMs - startMs) / 1000)),
      state: flow.endedAt === null ? 'established' : 'closed',
      reason: flow.how ?? 'live',
    },
    vethwall: vethwallFields(flow, flow.decision),
  }
}
