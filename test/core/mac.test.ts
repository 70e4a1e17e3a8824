import t from 'tap'
import { formatMac, parseMac } from '../../src/core/mac.js'

t.test('a MAC survives both ways', (t) => {
  t.same(parseMac('4E:65:75:56:12:34'), Uint8Array.of(0x4e, 0x65, 0x75, 0x56, 0x12, 0x34))
  t.equal(formatMac(parseMac('02:00:0a:0b:0c:ff')), '02:00:0a:0b:0c:ff')
  t.end()
})

t.test('what is no MAC is refused', (t) => {
  for (const text of [
    '',
    '02:00',
    '02:00:00:00:00:0g',
    '02-00-00-00-00-00',
    '02:00:00:00:00:00:00',
  ]) {
    t.throws(() => parseMac(text), { name: 'RangeError' }, JSON.stringify(text))
  }
  t.end()
})
