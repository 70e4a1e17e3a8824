import t from 'tap'
import {
  cidrContains,
  formatAddress,
  formatCidr,
  networkOf,
  parseAddress,
  parseCidr,
  readAddress,
  readCidr,
} from '../../src/core/address.js'

const spelled: readonly (readonly [text: string, want: string])[] = [
  ['10.0.0.1', '10.0.0.1'],
  ['255.255.255.255', '255.255.255.255'],
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
]

t.test('spelling', async (t) => {
  for (const [text, want] of spelled) t.equal(formatAddress(parseAddress(text).octets), want, text)
  t.same([...parseAddress('fe80::1:2').octets.subarray(12)], [0, 1, 0, 2])
})

t.test('no address', async (t) => {
  const junk = [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '256.1.1.1',
    '1.2.3.-4',
    ' 1.2.3.4',
    ':',
    ':::',
  ]
  junk.push('1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:8::', 'fe80::1%eth0')
  junk.push('12345::', '1.2.3.4::', '::1.2.3', ':1:2:3:4:5:6:7', '::g', '1:2:3:4:5:6:7:1.2.3.4')
  for (const text of junk) t.equal(readAddress(text), null, JSON.stringify(text))
  t.throws(() => parseAddress('x'), RangeError)
  t.throws(() => formatAddress(new Uint8Array(5)), RangeError)
})

t.test('prefixes', async (t) => {
  t.equal(formatCidr(networkOf(parseCidr('10.1.2.3/12'))), '10.0.0.0/12')
  t.equal(formatCidr(networkOf(parseCidr('2001:db8:ffff::1/33'))), '2001:db8:8000::/33')
  t.equal(formatCidr(parseCidr('10.1.2.3/24')), '10.1.2.3/24')
  for (const text of ['10.0.0.0', '10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/08', '/8']) {
    t.equal(readCidr(text), null, text)
  }
  t.throws(() => parseCidr('10.0.0.0/33'), RangeError)
  const net = parseCidr('10.16.0.0/12')
  t.ok(cidrContains(net, parseAddress('10.31.255.255').octets))
  t.notOk(cidrContains(net, parseAddress('10.32.0.0').octets))
  t.notOk(cidrContains(net, parseAddress('::1').octets), 'other family')
  t.ok(cidrContains(parseCidr('0.0.0.0/0'), parseAddress('9.9.9.9').octets))
  t.ok(cidrContains(parseCidr('::1/128'), parseAddress('::1').octets))
  t.notOk(cidrContains(parseCidr('::1/128'), parseAddress('::2').octets))
})
