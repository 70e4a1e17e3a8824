/** One flow's octets through an Inspection, cut as asked. */
import type { Fact, FlowView, Parser } from '../../../src/core/inspect/contract.js'
import { registry } from '../../../src/dpd/dpi/registry.js'
import { Inspection, type Outcome } from '../../../src/dpd/dpi/stream.js'
import type { Send } from './send.js'

export interface Delivered {
  readonly facts: readonly { readonly app: string; readonly fact: Fact }[]
  readonly app: string | null
  readonly state: string
  readonly clause: string
  readonly parserFault: boolean
  readonly inspection: Inspection
}

export const viewOf = (transport: 'tcp' | 'udp'): FlowView => ({
  flow: 1,
  tuple: {
    protocol: transport === 'tcp' ? 6 : 17,
    source: '192.0.2.1',
    sourcePort: 40_000,
    destination: '192.0.2.2',
    destinationPort: 4_000,
    vlan: 0,
  },
  transport,
})

/** `pieces` cuts the octets of one send; the buffer is overwritten afterwards, as the ring is. */
export function deliver(
  sends: readonly Send[],
  transport: 'tcp' | 'udp' = 'tcp',
  pieces: (octets: Uint8Array, send: number) => readonly Uint8Array[] = (octets) => [octets],
  parsers: readonly Parser<unknown>[] = registry,
  between: (inspection: Inspection, transport: 'tcp' | 'udp') => Inspection = (same) => same,
): Delivered {
  let inspection = new Inspection(viewOf(transport), parsers)
  const at = { orig: 0, reply: 0 }
  const outcomes: Outcome[] = []
  sends.forEach((send, index) => {
    const cut = pieces(send.octets, index)
    cut.forEach((piece, number) => {
      const ended = send.ended && number === cut.length - 1
      const ring = Uint8Array.from(piece)
      outcomes.push(inspection.octets(send.dir, at[send.dir], ring, ended))
      ring.fill(0xee)
      inspection = between(inspection, transport)
      at[send.dir] += transport === 'udp' ? 1 : piece.length
    })
  })
  return {
    facts: outcomes.flatMap((outcome) => outcome.facts),
    app: inspection.app,
    state: inspection.state,
    clause: outcomes.at(-1)?.clause ?? '',
    parserFault: outcomes.some((outcome) => outcome.parserFault === true),
    inspection,
  }
}

/** Saved and restored wherever that can be, as a flow at rest is. */
export function rested(inspection: Inspection, transport: 'tcp' | 'udp'): Inspection {
  const saved = inspection.save()
  if (saved === null) return inspection
  return Inspection.restore(viewOf(transport), registry, JSON.parse(JSON.stringify(saved)))
}

export const octetByOctet = (octets: Uint8Array): Uint8Array[] =>
  octets.length === 0 ? [octets] : Array.from(octets, (octet) => Uint8Array.of(octet))

/** Cuts the send number `which` at `at`. */
export const cutAt = (which: number, at: number) => (octets: Uint8Array, send: number) =>
  send === which ? [octets.subarray(0, at), octets.subarray(at)] : [octets]
