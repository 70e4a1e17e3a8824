/** A flow in words and as a row; every denial names pod, peer, app and rule. */
import type { FlowView } from '../core/api/flow.js'
import { protocolName } from '../core/events/eve.js'
import type { Fields } from '../core/inspect/contract.js'

export const FLOW_HEADS = [
  ...['FLOW', 'POD', 'DIR', 'PEER', 'PROTO', 'APP', 'VERDICT', 'RULE', 'RUNS', 'WHAT'],
]

const IPPROTO_ICMP = 1
const IPPROTO_ICMPV6 = 58
const WHAT_COLUMNS = 80

/** ICMP has no ports: what stands in their place is the echo's identifier. */
export function withPort(address: string, port: number, protocol: number): string {
  if (protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6) return address
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** The innermost tunnel that the flow is in. */
function tunnelText({ tunnel }: FlowView): string {
  if (tunnel === undefined) return ''
  return ` in ${tunnel.kind}${tunnel.id === 0 ? '' : ` ${tunnel.id}`} of ${tunnel.peer}`
}

export function peerText(flow: FlowView): string {
  const outward = flow.direction === 'egress'
  const at = outward
    ? withPort(flow.destination, flow.destinationPort, flow.protocol)
    : withPort(flow.source, flow.sourcePort, flow.protocol)
  return (flow.peer.name === null ? at : `${flow.peer.name} (${at})`) + tunnelText(flow)
}

export function verdictText(flow: FlowView): string {
  return flow.would === 'deny' ? `${flow.verdict} (would: deny)` : flow.verdict
}

export function fieldsText(fields: Fields): string {
  return Object.entries(fields)
    .filter(([name, value]) => !name.includes('.') && String(value) !== '')
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(',') : String(value)}`)
    .join(' ')
}

export function whatText(flow: FlowView): string {
  const last = flow.transactions.at(-1)
  return fieldsText(last === undefined ? flow.fields : last.fields)
}

/** Where a live flow's frames pass, and why there. */
export function runsText({ runs, runsWhy }: FlowView): string {
  if (runs === null) return 'ended'
  return runs === 'kernel' && runsWhy === 'decided' ? runs : `${runs}: ${runsWhy}`
}

function shortened(text: string): string {
  return text.length > WHAT_COLUMNS ? `${text.slice(0, WHAT_COLUMNS - 1)}…` : text
}

export function flowRow(flow: FlowView): string[] {
  return [
    String(flow.flow),
    `${flow.namespace}/${flow.pod}`,
    flow.direction,
    peerText(flow),
    protocolName(flow.protocol).toLowerCase(),
    flow.app ?? '-',
    verdictText(flow),
    flow.decision.rule,
    runsText(flow),
    shortened(whatText(flow)),
  ]
}
