import t from 'tap'
import { formatAddress } from '../../src/core/address.js'
import { ownAddresses } from '../../src/core/own-addresses.js'

const MAC = '02:00:5e:10:00:07'
const own = (addresses: readonly string[]) => ownAddresses(MAC, addresses).map(formatAddress)

t.test('recorded, listed, link-local, and what SLAAC makes of a /64', async (t) => {
  t.same(own([]), ['fe80::5eff:fe10:7'])
  t.same(own(['10.1.0.7/24', '10.1.0.9', 'fd00:77::7/64', 'fd00:88::7/112', 'fd00:99::7']), [
    ...['fe80::5eff:fe10:7', '10.1.0.7', '10.1.0.9', 'fd00:77::7', 'fd00:77::5eff:fe10:7'],
    ...['fd00:88::7', 'fd00:99::7'],
  ])
  t.same(own(['fe80::5eff:fe10:7/64', 'fe80::1234/64']), ['fe80::5eff:fe10:7', 'fe80::1234'])
})
