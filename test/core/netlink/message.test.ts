/** Batches, acknowledgements and attributes; the refusal is the kernel's answer to `ip link set eth0 mtu 1`. */
import t from 'tap'
import {
  asNested,
  asS32,
  asText,
  asU8,
  asU16,
  asU32,
  asU64,
  decodeAttributes,
  encodeAttributes,
  find,
  flag,
  NetlinkFormatError,
  nested,
  s32,
  text,
  u8,
  u16,
  u16BigEndian,
  u32,
  u32BigEndian,
  u64,
} from '../../../src/core/netlink/attribute.js'
import { decodeAcknowledgement, NetlinkError } from '../../../src/core/netlink/error.js'
import {
  decodeMessages,
  encodeBatch,
  isDump,
  NLM_F_ACK,
  NLM_F_DUMP,
  type Request,
} from '../../../src/core/netlink/message.js'
import { hex, lines, SKIP } from './hex.js'

const request = (type: number, payload: Uint8Array, flags = NLM_F_ACK): Request => ({
  type,
  flags,
  payload,
  subject: `request ${type}`,
})

const BATCH = hex(`
  15 00 00 00 // nlmsg_len 21
  13 00       // RTM_SETLINK
  05 00       // NLM_F_REQUEST | NLM_F_ACK
  07 00 00 00 // nlmsg_seq 7
  00 00 00 00 // nlmsg_pid: the kernel's
  01 02 03 04 05
  00 00 00    // padding
  10 00 00 00 // nlmsg_len 16
  12 00       // RTM_GETLINK
  01 03       // NLM_F_REQUEST | NLM_F_DUMP
  08 00 00 00 // nlmsg_seq 8
  00 00 00 00 // nlmsg_pid
`)

t.test('a batch is numbered and padded', { skip: SKIP }, async (t) => {
  const requests = [
    request(19, Uint8Array.of(1, 2, 3, 4, 5)),
    request(18, new Uint8Array(0), NLM_F_DUMP),
  ]
  t.strictSame(lines(encodeBatch(requests, 7)), lines(BATCH))
  t.strictSame(requests.map(isDump), [false, true])
  t.match(decodeMessages(BATCH), [
    { type: 19, sequence: 7, payload: Uint8Array.of(1, 2, 3, 4, 5) },
    { type: 18, sequence: 8, payload: new Uint8Array(0) },
  ])
  t.throws(() => decodeMessages(BATCH.subarray(0, 20)), NetlinkFormatError)
})

const REFUSED = hex(`
  60 00 00 00 // nlmsg_len 96
  02 00       // NLMSG_ERROR
  00 02       // NLM_F_ACK_TLVS
  01 00 00 00 // nlmsg_seq 1
  00 00 00 00 // nlmsg_pid
  ea ff ff ff // error -EINVAL
  28 00 00 00 13 00 05 00 01 00 00 00 00 00 00 00 // nlmsghdr of the request
  00 00 00 00 07 00 00 00 00 00 00 00 00 00 00 00 // its ifinfomsg
  08 00 04 00 01 00 00 00                         // its IFLA_MTU 1
  21 00 01 00 // nla_len 33, NLMSGERR_ATTR_MSG
  6d 74 75 20 6c 65 73 73 20 74 68 61 6e 20 // "mtu less than "
  64 65 76 69 63 65 20 6d 69 6e 69 6d 75 6d 00 // "device minimum"
  00 00 00    // padding
`)

t.test(
  'a refusal names the request, the errno and the kernel’s words',
  { skip: SKIP },
  async (t) => {
    const [message] = decodeMessages(REFUSED)
    const answer = message === undefined ? null : decodeAcknowledgement(message)
    t.strictSame(answer, {
      sequence: 1,
      errno: 22,
      text: 'mtu less than device minimum',
      offset: null,
    })
    if (answer === null) return
    const error = new NetlinkError(request(19, new Uint8Array(0)), 0, { ...answer, offset: 32 })
    t.equal(error.message, 'request 19: EINVAL: mtu less than device minimum (request octet 32)')
    t.equal(error.code, 'EINVAL')
  },
)

const CAPPED = hex(`
  24 00 00 00 // nlmsg_len 36
  02 00       // NLMSG_ERROR
  00 01       // NLM_F_CAPPED
  03 00 00 00 // nlmsg_seq 3
  00 00 00 00 // nlmsg_pid
  00 00 00 00 // error 0: done
  28 00 00 00 13 00 05 00 03 00 00 00 00 00 00 00 // nlmsghdr of the request
`)
const DUMP_FAILED = hex(`
  14 00 00 00 // nlmsg_len 20
  03 00       // NLMSG_DONE
  02 00       // NLM_F_MULTI
  04 00 00 00 // nlmsg_seq 4
  00 00 00 00 // nlmsg_pid
  ed ff ff ff // error -ENODEV
`)

t.test('an acknowledgement, and the end of a dump', { skip: SKIP }, async (t) => {
  const answers = [CAPPED, DUMP_FAILED].flatMap(decodeMessages).map(decodeAcknowledgement)
  t.match(answers, [
    { sequence: 3, errno: 0, text: null },
    { sequence: 4, errno: 19, text: null },
  ])
  const short = { type: 2, flags: 0, sequence: 1, portId: 0, payload: new Uint8Array(8) }
  t.throws(() => decodeAcknowledgement(short), NetlinkFormatError)
  t.equal(decodeAcknowledgement({ ...short, type: 16 }), null)
})

t.test('attributes: encoded and read back, the unknown among them', async (t) => {
  const attributes = [
    u8(1, 0xfe),
    u16(2, 0xfedc),
    u32(3, 0xfedcba98),
    s32(4, -2),
    u64(5, 0xfedcba9876543210n),
    text(6, 'vin-0'),
    nested(7, [u8(1, 3), flag(2)]),
    u16BigEndian(8, 0x1234),
    u32BigEndian(9, 0x12345678),
    text(0x3fff, 'what nobody knows'),
  ]
  const decoded = decodeAttributes(encodeAttributes(attributes))
  t.strictSame(decoded, attributes)
  const at = (type: number) => find(decoded, type) ?? flag(0)
  t.equal(asU8(at(1)), 0xfe)
  t.equal(asU16(at(2)), 0xfedc)
  t.equal(asU32(at(3)), 0xfedcba98)
  t.equal(asS32(at(4)), -2)
  t.equal(asU64(at(5)), 0xfedcba9876543210n)
  t.equal(asText(at(6)), 'vin-0')
  t.strictSame(asNested(at(7)), [u8(1, 3), flag(2)])
  t.strictSame([...at(8).octets], [0x12, 0x34])
  t.strictSame([...at(9).octets], [0x12, 0x34, 0x56, 0x78])
  t.equal(find(decoded, 77), null)
  t.throws(() => asU64(at(1)), NetlinkFormatError, 'shorter than its type')
})

t.test('attributes cut short or lying about their length', async (t) => {
  const whole = encodeAttributes([u32(3, 1)])
  t.throws(() => decodeAttributes(whole.subarray(0, 7)), NetlinkFormatError)
  const lying = whole.slice()
  lying[0] = lying[1] = 0
  t.throws(() => decodeAttributes(lying), NetlinkFormatError, 'a length below the header')
  t.throws(() => encodeAttributes([text(1, 'x'.repeat(65_536))]), RangeError)
})
