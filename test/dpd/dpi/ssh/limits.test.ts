import t from 'tap'
import { fromLatin1 } from '../../../../src/core/bytes.js'
import { PACKET_OCTETS } from '../../../../src/dpd/dpi/ssh/packet.js'
import { OTHER_LINES } from '../../../../src/dpd/dpi/ssh/parser.js'
import { readCaptured } from '../captured.js'
import { type Delivered, deliver } from '../deliver.js'
import type { Send } from '../send.js'

const orig = (text: string): Send => ({ dir: 'orig', octets: fromLatin1(text), ended: false })
const reply = (text: string): Send => ({ dir: 'reply', octets: fromLatin1(text), ended: false })
const CLIENT = orig('SSH-2.0-c\r\n')
const SERVER = reply('SSH-2.0-s\r\n')
const be32 = (value: number): string =>
  String.fromCharCode(value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff)
const clause = (...sends: readonly Send[]): string => deliver(sends).clause
/** Padded to `octets`. */
const packet = (payload: string, octets: number): string => {
  const padding = octets - 5 - payload.length
  return `${be32(octets - 4)}${String.fromCharCode(padding)}${payload}${'\0'.repeat(padding)}`
}
const kexInit = (kex: string): string =>
  `\x14${'c'.repeat(16)}${be32(kex.length)}${kex}${be32(0).repeat(9)}\0${be32(0)}`

t.test('the identification has 255 octets at most, CR LF included', async (t) => {
  const longest = `SSH-2.0-${'s'.repeat(245)}\r\n`
  t.equal(longest.length, 255)
  t.equal(deliver([orig(longest)]).state, 'parsing')
  t.match(clause(orig(`SSH-2.0-${'s'.repeat(246)}\r\n`)), /§4.2 line of more than 255 octets/)
  t.match(clause(orig(`SSH-2.0-${'s'.repeat(300)}`)), /§4.2 line of more than 255 octets/)
  t.match(clause(CLIENT, reply('x'.repeat(8_192))), /§4.2 line of more than 8192 octets/)
})

t.test('lines before the identification of the server', async (t) => {
  const lines = 'a\r\n'.repeat(OTHER_LINES)
  t.equal(deliver([CLIENT, reply(lines), SERVER]).state, 'parsing')
  t.match(clause(CLIENT, reply(`${lines}b\r\n`)), `more than ${OTHER_LINES} lines`)
  t.match(clause(SERVER, orig('hello\r\n')), '§4.2 line of the client')
})

t.test('a packet has 35 000 octets at most', async (t) => {
  const ignore = (length: number): Send => orig(`${be32(length)}\x04\x02`)
  const { inspection } = deliver([CLIENT, ignore(PACKET_OCTETS - 4)])
  t.equal(inspection.state, 'parsing')
  t.equal(inspection.covered('orig'), 11 + PACKET_OCTETS, 'it is skipped, not kept')
  t.match(clause(CLIENT, ignore(PACKET_OCTETS + 4)), '§6 packet')
  t.match(clause(CLIENT, ignore(PACKET_OCTETS - 3)), '§6 packet', 'multiple of the block')
})

t.test('names are printable, and parted by one comma each', async (t) => {
  t.equal(deliver([CLIENT, orig(packet(kexInit('a,b@c'), 80))]).state, 'parsing')
  for (const list of ['a,,b', ',a', 'a,', 'a b', 'a\0', '\xe9']) {
    t.match(clause(CLIENT, orig(packet(kexInit(list), 80))), '§7.1 KEXINIT', JSON.stringify(list))
  }
  t.match(clause(CLIENT, orig(packet('\x14short', 24))), '§7.1 KEXINIT')
  t.match(clause(CLIENT, orig(packet('\x05service', 24))), '§7 message before KEXINIT')
})

const refusalOf = ({ inspection }: Delivered): string | undefined => {
  const octets = inspection.refusal(0)?.toOpener
  return octets === undefined ? undefined : Buffer.from(octets).toString('hex')
}

t.test('refusal: SSH_MSG_DISCONNECT, once the server has identified itself', async (t) => {
  t.equal(refusalOf(deliver([CLIENT])), undefined, 'it would be a line to the client')
  const text = Buffer.from('Denied by network policy').toString('hex')
  const expected = `0000002c06010000000100000018${text}00000000000000000000`
  t.equal(refusalOf(deliver([CLIENT, SERVER])), expected)
  t.equal(expected.length / 2, 48)
  const kexInits = readCaptured('ssh/openssh-openssh')[0]?.sends.slice(0, 4) ?? []
  t.equal(deliver(kexInits).state, 'done')
  t.equal(refusalOf(deliver(kexInits)), expected, 'keys are not in use yet')
  const part = packet(kexInit('a'), 80).slice(0, 20)
  t.equal(refusalOf(deliver([CLIENT, SERVER, reply(part)])), undefined, 'in a packet of the server')
})

t.test('a lost octet ends what can be read', async (t) => {
  const { inspection } = deliver([CLIENT])
  t.equal(inspection.gap('orig', 11, 5).state, 'done')
})
