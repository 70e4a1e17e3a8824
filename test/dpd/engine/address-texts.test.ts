import t from 'tap'
import { parseAddress } from '../../../src/core/address.js'
import { AddressTexts } from '../../../src/dpd/engine/address-texts.js'

const texts = new AddressTexts()
const textOf = (address: string): string => {
  const { octets } = parseAddress(address)
  return texts.text(Uint8Array.from([0xee, ...octets, 0xee]), 1, octets.length)
}

t.test('each its own, however many share a slot', async (t) => {
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 10_000; i++) {
      const address = `10.1.${i >> 8}.${i & 255}`
      if (textOf(address) !== address) t.equal(textOf(address), address)
    }
  }
  t.equal(textOf('0.0.0.0'), '0.0.0.0', 'as an empty slot')
  t.equal(textOf('::'), '::')
  t.equal(textOf('a00:1::'), 'a00:1::', 'IPv6 that begins as an IPv4 address')
})
