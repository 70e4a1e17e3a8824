/**
 * What a real dnsmasq answers is told: a seeded sample, a hundred times longer with SOAK=1. BIND 9.18 and Unbound 1.17
 * refuse more: of names beyond 255 octets, pointers into the header and counts of records that are not there
 * they answer none. All three answer a query with the reserved bit or a response code, and over TCP go on behind
 * messages that they can't read; dnsmasq also behind one of 0 to 11 octets.
 */
import t from 'tap'
import { Random } from '../../../fuzz/random.js'
import { answered, untoldAnswer } from './dns-executed.js'
import { DnsOctets, type Octets } from './dns-octets.js'
import { DnsServer } from './dns-server.js'

const UDP_CASES = process.env.SOAK === '1' ? 150_000 : 1_500
const TCP_CASES = process.env.SOAK === '1' ? 10_000 : 100

t.test('dnsmasq', { timeout: 3_600_000 }, async (t) => {
  const server = await DnsServer.start()
  t.teardown(() => server.stop())

  const compare = async (
    transport: 'tcp' | 'udp',
    seed: number,
    octets: Octets,
  ): Promise<boolean> => {
    const sent = Uint8Array.from(octets)
    const replies = await (transport === 'udp' ? server.ask(sent) : server.converse(sent))
    const did = replies.map(answered).filter((one) => one !== null)
    const untold = untoldAnswer(transport, sent, did)
    if (untold !== '') t.equal(untold, '', `seed ${seed}: ${Buffer.from(sent).toString('hex')}`)
    return did.length > 0
  }

  let count = 0
  for (let seed = 0; seed < UDP_CASES; seed++)
    if (await compare('udp', seed, new DnsOctets(new Random(seed)).datagram())) count++
  t.ok(count > UDP_CASES / 20, `UDP: ${count} of ${UDP_CASES} answered`)
  count = 0
  for (let seed = 0; seed < TCP_CASES; seed++)
    if (await compare('tcp', seed, new DnsOctets(new Random(seed)).stream())) count++
  t.ok(count > TCP_CASES / 20, `TCP: ${count} of ${TCP_CASES} answered`)
})
