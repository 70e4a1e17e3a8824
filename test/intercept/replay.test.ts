import t from 'tap'
import { IFF_UP, type Link } from '../../src/core/netlink/link.js'
import type { PodState, Sysctl } from '../../src/intercept/pod-state.js'
import { octetsAsBase64, podStateSchema } from '../../src/intercept/pod-state-json.js'
import {
  addressRequests,
  closingRequests,
  linkDifference,
  routeRequests,
  settingsOfLinkUp,
  staleAddresses,
  sysctlDifference,
} from '../../src/intercept/replay.js'

const ETH0: Link = {
  ifindex: 2,
  flags: IFF_UP,
  name: 'eth0',
  mac: '02:42:ac:11:00:02',
  mtuOctets: 1500,
  txQueueFrames: 1000,
  peerIfindex: 7,
  isPeerHere: false,
  masterIfindex: 0,
  group: 0,
  txQueues: 1,
  rxQueues: 1,
  kind: 'veth',
  addrGenMode: 0,
  alias: '',
  altNames: [],
  gsoMaxOctets: 65536,
  gsoMaxSegments: 65535,
}

/** An object of ifindex 2 with that family. */
const dumped = (family: number, ...more: number[]) => ({
  header: Uint8Array.of(family, 24, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0),
  attributes: [{ type: 1, flags: 0, octets: Uint8Array.from(more) }],
})

const STATE: PodState = {
  link: ETH0,
  addresses: [dumped(2, 10, 0, 0, 1), dumped(10, ...new Uint8Array(16))],
  routes: [],
  neighbours: [dumped(2, 10, 0, 0, 9)],
  sysctls: [['ipv4/conf/%s/arp_ignore', '1']],
}

t.test('a link that is as wanted needs nothing', async (t) => {
  t.strictSame(linkDifference(ETH0, ETH0), {})
  t.strictSame(linkDifference(ETH0, { ...ETH0, mtuOctets: 1400, alias: 'vethwall vex' }), {
    alias: '',
    mtuOctets: 1500,
  })
})

t.test('GSO: never above what vnet_hdr can say, and not lowered on its own device', async (t) => {
  const big = { ...ETH0, gsoMaxOctets: 185_000 }
  t.strictSame(linkDifference(big, ETH0), {}, 'the new eth0 keeps 65536')
  t.strictSame(linkDifference(ETH0, big), {}, 'the old one keeps its own')
  t.strictSame(linkDifference({ ...ETH0, gsoMaxOctets: 8000 }, big), { gsoMaxOctets: 8000 })
})

t.test('sysctls: the differences, disable_ipv6 first', async (t) => {
  const want: Sysctl[] = [
    ['ipv6/conf/%s/accept_ra', '0'],
    ['ipv6/conf/%s/disable_ipv6', '1'],
    ['ipv6/conf/%s/mtu', '1500'],
  ]
  const have: Sysctl[] = [
    ['ipv6/conf/%s/accept_ra', '1'],
    ['ipv6/conf/%s/disable_ipv6', '0'],
    ['ipv6/conf/%s/mtu', '1500'],
  ]
  t.strictSame(sysctlDifference(want, have), [want[1], want[0]])
  t.strictSame(sysctlDifference(want, want), [])
})

t.test("sysctls: an IPv6 MTU that is not the link's comes after the link went up", async (t) => {
  const mtu = (octets: number): Sysctl => ['ipv6/conf/%s/mtu', String(octets)]
  const late = (octets: number) =>
    settingsOfLinkUp({ ...STATE, sysctls: [...STATE.sysctls, mtu(octets)] })
  t.strictSame(late(1380), [mtu(1380)])
  t.strictSame(late(1500), [])
})

const subjects = (requests: readonly { subject: string }[]) => requests.map((r) => r.subject)

t.test('order: no link-local of its own, up, addresses, their flags', async (t) => {
  t.strictSame(subjects(addressRequests(STATE, ETH0)), [
    'RTM_SETLINK eth0',
    'RTM_SETLINK eth0',
    'RTM_NEWADDR 10.0.0.1/24',
    'RTM_NEWADDR ::/24',
    'RTM_NEWADDR ::/24',
  ])
  t.strictSame(subjects(closingRequests(STATE)), [
    'RTM_NEWNEIGH',
    'RTM_SETLINK flags of ifindex 2',
    'RTM_SETLINK eth0',
  ])
})

t.test('addresses: a rest of them goes, since their order counts', async (t) => {
  const [first, second] = [dumped(2, 10, 0, 0, 1), dumped(2, 10, 0, 0, 2)]
  t.strictSame(staleAddresses([first, second], []), [])
  t.strictSame(staleAddresses([first, second], [first, second]), [], 'as it should be')
  t.strictSame(staleAddresses([first, second], [second]), [second])
  t.strictSame(staleAddresses([first, second], [second, first]), [second, first])
})

t.test('without IPv6 on the device nothing is said of address generation', async (t) => {
  const link = { ...ETH0, addrGenMode: null }
  t.equal(addressRequests({ ...STATE, link, addresses: [] }, ETH0).length, 1)
  t.equal(closingRequests({ ...STATE, link, neighbours: [] }).length, 1)
})

t.test(
  'routes: surplus goes, missing comes, what is on the link before what is behind it',
  async (t) => {
    const route = (id: number, type: number) => ({
      header: Uint8Array.of(2, id, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0),
      attributes: [{ type, flags: 0, octets: Uint8Array.of(10, 0, 0, id) }],
    })
    const [gateway, link, surplus] = [route(1, 5), route(2, 1), route(3, 1)]
    const { missing, surplus: deleted } = routeRequests([gateway, link], [surplus])
    t.strictSame(
      missing.map(({ payload }) => payload[1]),
      [2, 1],
    )
    t.strictSame(
      deleted.map(({ payload }) => payload[1]),
      [3],
    )
    t.strictSame(routeRequests([gateway], [gateway]), { surplus: [], missing: [], passing: [] })
  },
)

t.test('a state survives the journal', async (t) => {
  const text = JSON.stringify(STATE, octetsAsBase64)
  t.strictSame(podStateSchema.parse(JSON.parse(text)), STATE)
})
