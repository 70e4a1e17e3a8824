/** DHCP for IPv4 and IPv6: one transaction per datagram of the opener's, by its transaction id. */
import type { Parser } from '../../../core/inspect/contract.js'
import { Exchanges, type Message, OPEN_EXCHANGES } from '../exchanges.js'
import { HEADER_OCTETS, isV4, readV4 } from './v4.js'
import { isV6, readV6 } from './v6.js'

/** null = malformed. A v6 message may be built to look like one of v4: a server reads its own alone. */
function read(datagram: Uint8Array): Message | null {
  if (!isV4(datagram)) return readV6(datagram)
  const message = readV4(datagram)
  if (message === null || readV6(datagram) === null) return message
  return { ...message, fields: { ...message.fields, ambiguous: ['messageType', 'version'] } }
}

export const dhcp: Parser<Exchanges> = {
  app: 'dhcp',
  transport: ['udp'],
  limits: {
    windowOctets: 65_535,
    stateOctets: 4_096,
    openTx: OPEN_EXCHANGES,
    probeOctets: HEADER_OCTETS,
  },
  // A server's answer to a broadcast is a flow of its own, and so are a relay's datagrams.
  probe: ({ orig }) => (isV4(orig) || isV6(orig) ? 'yes' : 'no'),
  open: () => new Exchanges(),
  step: (exchanges, dir, input, at) => ({
    take: input.length,
    facts: exchanges.take(dir, at, read(input)),
    next: { kind: 'need', octets: 1 },
  }),
  gap: () => ({ take: 0, facts: [], next: { kind: 'need', octets: 1 } }),
}
