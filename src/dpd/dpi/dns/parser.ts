/** DNS over UDP and over TCP (RFC 1035, RFC 6891, RFC 7766): one transaction per query. */
import { Reader } from '../../../core/bytes.js'
import type { At, Dir, Parser, Step } from '../../../core/inspect/contract.js'
import { NO_OCTET } from '../begins.js'
import { HEADER_OCTETS } from './message.js'
import { LENGTH_OCTETS, PROBE_OCTETS, probeTcp, probeUdp } from './probe.js'
import { type DnsState, OPEN_TX, openState, readMessage, refusedOf } from './transactions.js'

const MESSAGE_OCTETS = 65_535
/** The open queries' keys and question sections. */
const STATE_OCTETS = 131_072

function stepUdp(state: DnsState, dir: Dir, input: Uint8Array, at: At): Step {
  const facts = readMessage(state, dir, input, at, at + 1)
  return { take: 1, facts, next: { kind: 'need', octets: 1 } }
}

function stepTcp(state: DnsState, dir: Dir, input: Uint8Array, at: At): Step {
  const reader = new Reader(input)
  const octets = reader.u16be()
  if (reader.short) return need(LENGTH_OCTETS)
  if (octets < HEADER_OCTETS) {
    return { take: 0, facts: [], next: { kind: 'malformed', clause: 'RFC 7766 §8 length' } }
  }
  const end = LENGTH_OCTETS + octets
  if (input.length < end) return need(end)
  const facts = readMessage(state, dir, input.subarray(LENGTH_OCTETS, end), at, at + end)
  return { take: end, facts, next: { kind: 'need', octets: LENGTH_OCTETS } }
}

const need = (octets: number): Step => ({ take: 0, facts: [], next: { kind: 'need', octets } })

export const dnsUdp: Parser<DnsState> = {
  app: 'dns',
  transport: ['udp'],
  limits: {
    windowOctets: MESSAGE_OCTETS,
    stateOctets: STATE_OCTETS,
    openTx: OPEN_TX,
    probeOctets: PROBE_OCTETS,
  },
  probe: probeUdp,
  open: openState,
  step: stepUdp,
  gap: () => need(1),
  refusal: (state, tx) => {
    const toOpener = refusedOf(state, tx)
    return toOpener === null ? null : { toOpener, then: 'continue' }
  },
}

export const dnsTcp: Parser<DnsState> = {
  app: 'dns',
  transport: ['tcp'],
  limits: {
    windowOctets: LENGTH_OCTETS + MESSAGE_OCTETS,
    stateOctets: STATE_OCTETS,
    openTx: OPEN_TX,
    probeOctets: PROBE_OCTETS,
  },
  begins: { reply: NO_OCTET },
  probe: probeTcp,
  open: openState,
  step: stepTcp,
  // Messages have no mark to find their beginning by.
  gap: () => ({ take: 0, facts: [], next: { kind: 'done' } }),
  refusal: (state, tx) => {
    const message = refusedOf(state, tx)
    if (message === null) return null
    const toOpener = Uint8Array.from([message.length >> 8, message.length & 0xff, ...message])
    return { toOpener, then: 'close' }
  },
}
