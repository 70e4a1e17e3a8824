/** The kernel program's map of flows that it carries: `struct flow_key` and `struct flow`. Host order but for ports. */
import { parseAddress } from '../address.js'
import { HOST_LITTLE_ENDIAN, viewOf } from '../netlink/attribute.js'

export const FLOW_KEY_OCTETS = 40
export const FLOW_OCTETS = 88
const ADDRESS_OCTETS = 16
const FLOW_CUT = 2

/** Both ends as the endpoint's pod sees them; of an echo the identifier is both ports. */
export interface FlowKey {
  readonly endpoint: number
  readonly protocol: number
  readonly podAddress: string
  readonly peerAddress: string
  readonly podPort: number
  readonly peerPort: number
}

export interface FlowEntry {
  /** In force where it is the endpoint's. */
  readonly epoch: number
  /** Frames of that direction pass without the engine. */
  readonly isCut: { readonly fromPod: boolean; readonly toPod: boolean }
  readonly packets: { readonly fromPod: number; readonly toPod: number }
  /** Of frames, as the engine counts them. */
  readonly octets: { readonly fromPod: number; readonly toPod: number }
}

export function encodeFlowKey(key: FlowKey): Uint8Array {
  const octets = new Uint8Array(FLOW_KEY_OCTETS)
  const view = viewOf(octets)
  const pod = parseAddress(key.podAddress)
  octets.set(pod.octets)
  octets.set(parseAddress(key.peerAddress).octets, ADDRESS_OCTETS)
  view.setUint16(32, key.podPort)
  view.setUint16(34, key.peerPort)
  view.setUint16(36, key.endpoint, HOST_LITTLE_ENDIAN)
  octets[38] = pod.family
  octets[39] = key.protocol
  return octets
}

export function decodeFlowEntry(octets: Uint8Array): FlowEntry {
  const view = viewOf(octets)
  const counts = (at: number) => ({
    fromPod: Number(view.getBigUint64(at, HOST_LITTLE_ENDIAN)),
    toPod: Number(view.getBigUint64(at + 8, HOST_LITTLE_ENDIAN)),
  })
  return {
    epoch: view.getUint32(0, HOST_LITTLE_ENDIAN),
    isCut: { fromPod: octets[4] === FLOW_CUT, toPod: octets[5] === FLOW_CUT },
    packets: counts(40),
    octets: counts(56),
  }
}
