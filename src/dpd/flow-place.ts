/** Where a live flow's frames pass: the judge knows what is decided, the kernel what it carries. */
import type { FlowView } from '../core/api/flow.js'
import type { FlowEntry, FlowKey } from '../core/bpf/flow-map.js'
import type { Endpoint } from './endpoints.js'

function keyOf(flow: FlowView): FlowKey {
  const outward = flow.direction === 'egress'
  const { endpoint, protocol } = flow
  const source = { address: flow.source, port: flow.sourcePort }
  const destination = { address: flow.destination, port: flow.destinationPort }
  const [pod, peer] = outward ? [source, destination] : [destination, source]
  return {
    ...{ endpoint, protocol, podAddress: pod.address, podPort: pod.port },
    ...{ peerAddress: peer.address, peerPort: peer.port },
  }
}

const isCarried = ({ isCut }: FlowEntry): boolean => isCut.fromPod || isCut.toPod

export interface FlowPlaceParts {
  readonly endpoints: { all(): readonly Endpoint[] }
  readonly pipes: { carried(record: Endpoint['record'], flow: FlowKey): FlowEntry | null }
}

/** The same flows, of which live ones tell the place that they are at now. */
export function placed(parts: FlowPlaceParts, flows: readonly FlowView[]): FlowView[] {
  const endpoints = new Map(parts.endpoints.all().map((each) => [each.record.id, each]))
  return flows.map((flow) => {
    const endpoint = endpoints.get(flow.endpoint)
    if (flow.runs === null || endpoint === undefined) return flow
    if (endpoint.record.links === null) {
      const why = flow.runsWhy === 'decided' ? 'decided: by connection mark' : flow.runsWhy
      return { ...flow, runsWhy: why }
    }
    const entry = parts.pipes.carried(endpoint.record, keyOf(flow))
    if (entry === null || entry.epoch !== endpoint.epoch || !isCarried(entry)) return flow
    const why = flow.runsWhy === 'decided' ? 'decided' : 'a long body under its verdict'
    return { ...flow, runs: 'kernel', runsWhy: why }
  })
}
