/** `dpctl why` in whole sentences. */
import type { Quarantine } from '../core/api/endpoint.js'
import type { FlowView } from '../core/api/flow.js'
import { protocolName } from '../core/events/eve.js'

const REASONS: Readonly<Record<string, string>> = {
  'default-deny': 'a policy isolates the pod in this direction and no rule allows this',
  'not-isolated': 'no policy isolates the pod in this direction',
  node: 'the source is this node (nodeTraffic: allow)',
  self: 'the pod talks to itself',
  quarantine: 'the pod is in quarantine; lift it with `dpctl quarantine POD --release`',
  'hold-limit':
    'its octets were held for 1 s or to the memory limit without a verdict, so the failure setting decided',
  failure: 'it could not be judged, so the failure setting decided',
  malformed: 'its octets break the protocol that the rules would have to read',
  midstream:
    'its beginning was not seen, or its facts are gone, and it is not allowed without them',
  'not-ip': 'it is neither IPv4 nor IPv6 nor an essential',
  'needs-app': 'the rules depend on the application protocol, which is not known yet',
  'needs-transaction': 'the rules depend on its transactions: each is judged by itself',
}

/** `quarantine` is the pod's now. */
export function explain(flow: FlowView, quarantine: Quarantine | null = null): string[] {
  const { decision } = flow
  const pod = `${flow.namespace}/${flow.pod}`
  const peer = flow.peer.name ?? flow.peer.address
  const outward = flow.direction === 'egress'
  const over = protocolName(flow.protocol)
  const isIcmp = /icmp/i.test(over)
  const what = isIcmp
    ? over
    : `${flow.app ?? 'unidentified'} over ${over} port ${flow.destinationPort}`
  const between = outward ? `from pod ${pod} to peer ${peer}` : `from peer ${peer} to pod ${pod}`
  const act =
    flow.mode === 'protect'
      ? { allow: 'Allowed', deny: 'Denied', undecided: 'Not decided' }[decision.verdict]
      : { allow: 'Allowed', deny: 'Would be denied', undecided: 'Not decided' }[decision.verdict]
  const reason = REASONS[decision.reason] ?? `rule ${decision.rule} matches`
  const sentences = [`${act}: ${what} ${between}: ${reason} (rule ${decision.rule}).`]
  if (flow.mode !== 'protect') {
    sentences.push(`The pod is in mode ${flow.mode}: verdicts are recorded, not enforced.`)
  } else if (flow.would !== null && flow.would !== flow.verdict) {
    sentences.push(`With the staged policies in force the verdict would be ${flow.would}.`)
  }
  if (quarantine !== null) {
    const since = quarantine.since === null ? '' : ` since ${quarantine.since}`
    const said = quarantine.reason ?? 'no reason was given'
    sentences.push(`The pod is in quarantine${since}: ${said}.`)
  }
  return sentences
}
