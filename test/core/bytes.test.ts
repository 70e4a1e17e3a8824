import t from 'tap'
import { asciiLower, fromLatin1, latin1, Reader } from '../../src/core/bytes.js'

t.test('integers are big-endian', async (t) => {
  const reader = new Reader(Uint8Array.of(1, 2, 3, 4, 5, 6, 0xff, 0xff, 0xff, 0xfe))
  t.equal(reader.u8(), 0x01)
  t.equal(reader.u16be(), 0x0203)
  t.equal(reader.u24be(), 0x040506)
  t.equal(reader.u32be(), 0xfffffffe, 'unsigned')
  t.equal(reader.left, 0)
  t.notOk(reader.short)
})

t.test('a read past the end is void, and so is all after it', async (t) => {
  const reader = new Reader(Uint8Array.of(1, 2, 3))
  t.equal(reader.u32be(), 0)
  t.ok(reader.short)
  t.equal(reader.u8(), 0, 'the octets that are there are not read either')
  t.equal(reader.left, 0, 'a loop over what is left ends')
  t.equal(reader.octets(0).length, 0)
})

t.test('an inner reader stays within its octets', async (t) => {
  const reader = new Reader(Uint8Array.of(9, 1, 2, 9), 1)
  const inner = reader.reader(2)
  t.equal(inner.u16be(), 0x0102)
  t.equal(inner.u8(), 0)
  t.ok(inner.short)
  t.notOk(reader.short)
  t.equal(reader.at, 3)
  t.ok(reader.reader(2).short, 'more than is left')
})

t.test('skip and bounds', async (t) => {
  const reader = new Reader(Uint8Array.of(1, 2, 3), 5, 9)
  t.equal(reader.left, 0)
  reader.skip(1)
  t.ok(reader.short)
  const negative = new Reader(Uint8Array.of(1))
  negative.skip(-1)
  t.ok(negative.short)
})

t.test('text', async (t) => {
  const all = Uint8Array.from({ length: 10_000 }, (_, index) => index & 0xff)
  t.same(fromLatin1(latin1(all)), all, 'no octet is lost or merged')
  t.equal(latin1(all, 0x41, 0x43), 'AB')
  t.equal(asciiLower('AZ\u00c4\u212a'), 'az\u00c4\u212a', 'ASCII alone has cases')
})
