/** NTP (RFC 5905): one transaction per datagram of the opener's; its reply names its transmit timestamp. */
import type { Parser } from '../../../core/inspect/contract.js'
import { Exchanges, OPEN_EXCHANGES } from '../exchanges.js'
import { readMessage } from './packet.js'
import { PROBE_OCTETS, probeNtp } from './probe.js'

export const ntp: Parser<Exchanges> = {
  app: 'ntp',
  transport: ['udp'],
  limits: {
    windowOctets: 65_535,
    stateOctets: 4_096,
    openTx: OPEN_EXCHANGES,
    probeOctets: PROBE_OCTETS,
  },
  probe: probeNtp,
  open: () => new Exchanges(),
  step: (exchanges, dir, input, at) => ({
    take: input.length,
    facts: exchanges.take(dir, at, readMessage(input, dir === 'reply')),
    next: { kind: 'need', octets: 1 },
  }),
  gap: () => ({ take: 0, facts: [], next: { kind: 'need', octets: 1 } }),
}
