/** Markers, kinds of address and VLAN tags, by frames that no socket would make. */
import type { Test } from 'tap'
import { type Piped, rises } from './piped.js'
import { HOST_MAC, POD_MAC } from './topology.js'
import type { Captured } from './traffic.js'

const bare = (mac: string) => mac.replaceAll(':', '')
const POD_HEX = bare(POD_MAC)
const HOST_HEX = bare(HOST_MAC)
const UCMAC = '4e6575561234'
/** Of the kernel program's own: a frame of a pending flow, and a copy. */
const OTHER_FORMS = ['4e6575571234', '4e6575581234']
const BROADCAST = 'ffffffffffff'
const STRANGER = '02000000eeee'
/** Ends each of the test's own frames. */
export const TAG = 'c0de5eedc0de5eed'
const VLAN_100 = '81000064'

/** UDP with eight octets of payload, port 5000 to 5001, no checksum; header checksum by RFC 1071. */
export function ipv4(destination: string, payload: string): string {
  const header = `45000024000100004011xxxx0a4d0002${destination}`
  const words = header.replace('xxxx', '0000').match(/.{4}/g) ?? []
  const sum = words.reduce((total, word) => total + Number.parseInt(word, 16), 0)
  const checksum = ~((sum & 0xffff) + (sum >>> 16)) & 0xffff
  const text = header.replace('xxxx', checksum.toString(16).padStart(4, '0'))
  return `0800${text}1388138900100000${payload}`
}

function ipv6(destination: string, payload: string): string {
  const source = 'fd770000000000000000000000000002'
  return `86dd6000000000101140${source}${destination}1388138900100000${payload}`
}
const MDNS_V4 = { mac: '01005e0000fb', payload: ipv4('e00000fb', TAG) }
const MDNS_V6 = { mac: '3333000000fb', payload: ipv6(`ff02${'0'.repeat(26)}fb`, TAG) }
const POD_V4 = ipv4('0a4d0001', TAG)

/** A frame of the path's own kind, told from the others by its last octets. */
export const SENTINEL = ipv4('0a4d0001', 'feedfacecafebeef')

function portOf(piped: Piped, side: 'pod' | 'host') {
  return side === 'pod'
    ? { netns: piped.pod, ifName: 'eth0' }
    : { netns: piped.host, ifName: 'host0' }
}

/** What of `frames` crosses from one side to the other; the test's own frames only. */
async function crosses(piped: Piped, from: 'pod' | 'host', frames: readonly string[]) {
  const [sender, receiver] =
    from === 'pod' ? (['pod', 'host'] as const) : (['host', 'pod'] as const)
  const macs = from === 'pod' ? HOST_HEX + POD_HEX : POD_HEX + HOST_HEX
  const seen = await piped.traffic.exchange(
    portOf(piped, sender),
    portOf(piped, receiver),
    frames,
    macs + SENTINEL,
  )
  return seen.filter(isOurs)
}

function isOurs(frame: Captured): boolean {
  return frame.hex.includes(TAG)
}

const macsOf = (frame: Captured) => frame.hex.slice(0, 24)

export async function addressScenarios(t: Test, piped: Piped): Promise<void> {
  await t.test('a forged marker is dropped in every path', (t) => forged(t, piped))
  await t.test('vbr-neuv takes exactly one known marker', (t) => markers(t, piped))
  await t.test('addresses that the marker overwrote are restored', (t) => restored(t, piped))
  await t.test('foreign addresses', (t) => foreign(t, piped))
  await t.test('VLAN tags survive', (t) => tagged(t, piped))
}

/** What the kernel has counted for the pod. */
function refusedOf({ driver, enforcer, record }: Piped) {
  const none = { forgedMarker: 0, foreignMac: 0 }
  return driver.refused(enforcer, [record]).get(record.id) ?? none
}

async function forged(t: Test, piped: Piped): Promise<void> {
  const forms = piped.driver.name === 'bpf' ? [UCMAC, ...OTHER_FORMS] : [UCMAC]
  for (const path of ['direct', 'tap', 'inline'] as const) {
    piped.set(path)
    for (const from of ['pod', 'host'] as const) {
      const own = from === 'pod' ? POD_HEX : HOST_HEX
      const frames = forms.flatMap((form) => [form + own, own + form]).map((macs) => macs + POD_V4)
      const before = refusedOf(piped).forgedMarker
      await rises(t, piped, 'forged_marker', frames.length, async () => {
        t.same(await crosses(piped, from, frames), [], `${path}, from the ${from}`)
      })
      const blamed = refusedOf(piped).forgedMarker - before
      t.equal(blamed, from === 'pod' ? frames.length : 0, `${from}: counted for who sent it`)
    }
  }
}

/** By cause. `4e:65:75:56:00:07` names nobody; the two bits above the id are the kind. */
const BAD_MARKERS = {
  not_one_marker: [POD_HEX + HOST_HEX, UCMAC + UCMAC, MDNS_V4.mac + HOST_HEX],
  unknown_endpoint: [`4e6575560007${HOST_HEX}`, `${HOST_HEX}4e6575560007`],
  bad_kind: [`4e657556d234${HOST_HEX}`, `${HOST_HEX}4e6575565234`, `4e6575569234${HOST_HEX}`],
} as const

async function markers(t: Test, piped: Piped): Promise<void> {
  piped.set('inline')
  const vth = { netns: piped.enforcerNetns, ifName: 'vth-neuv' }
  for (const [cause, macs] of Object.entries(BAD_MARKERS)) {
    const frames = macs.map((pair) => pair + POD_V4)
    await rises(t, piped, cause, frames.length, async () => {
      for (const side of ['pod', 'host'] as const) {
        const sentinel = (side === 'pod' ? UCMAC + HOST_HEX : HOST_HEX + UCMAC) + SENTINEL
        const seen = await piped.traffic.exchange(vth, portOf(piped, side), frames, sentinel)
        t.same(seen.filter(isOurs), [], `${cause}: nothing at the ${side}`)
      }
    })
  }
}

const PACKET_BROADCAST = 1
const PACKET_MULTICAST = 2
const GROUPS = [
  { mac: BROADCAST, payload: ipv4('0a4d00ff', TAG), type: PACKET_BROADCAST },
  { ...MDNS_V4, type: PACKET_MULTICAST },
  { mac: '01005e7f3a91', payload: ipv4('efff3a91', TAG), type: PACKET_MULTICAST },
  { ...MDNS_V6, type: PACKET_MULTICAST },
  {
    mac: '3333ff9a5c01',
    payload: ipv6(`ff02${'0'.repeat(20)}ff9a5c01`, TAG),
    type: PACKET_MULTICAST,
  },
] as const

async function restored(t: Test, piped: Piped): Promise<void> {
  for (const path of ['direct', 'tap', 'inline'] as const) {
    piped.set(path)
    for (const [from, source] of [
      ['host', HOST_HEX],
      ['pod', POD_HEX],
    ] as const) {
      const sent = GROUPS.map(({ mac, payload }) => mac + source + payload)
      const seen = await crosses(piped, from, sent)
      const want = GROUPS.map(({ mac, type }) => ({ type, macs: mac + source }))
      const have = seen.map((frame) => ({ type: frame.type, macs: macsOf(frame) }))
      t.same(have, want, `${path}: from the ${from}`)
    }
  }
}

async function foreign(t: Test, piped: Piped): Promise<void> {
  const { driver, enforcer, record } = piped
  const macs = {
    host: [STRANGER + HOST_HEX, `0180c200000e${HOST_HEX}`, `01005e0000fb${HOST_HEX}`],
    pod: [HOST_HEX + STRANGER],
  }
  for (const from of ['host', 'pod'] as const) {
    const sent = macs[from].map((pair) => pair + POD_V4)
    piped.set('inline')
    const before = refusedOf(piped).foreignMac
    await rises(t, piped, 'foreign_dropped', sent.length, async () => {
      t.same(await crosses(piped, from, sent), [], `strict: none from the ${from}`)
    })
    const blamed = refusedOf(piped).foreignMac - before
    // IPv6 of the host's own kernel may come by, towards the pod: nobody is blamed for it.
    t.equal(blamed, from === 'pod' ? sent.length : 0, `${from}: counted for who sent it`)
    driver.setPath(enforcer, record, { path: 'inline', failure: 'open', strict: false })
    await rises(t, piped, 'foreign_passed', sent.length, async () => {
      const seen = await crosses(piped, from, sent)
      t.same(seen.map(macsOf), macs[from], `not strict: as sent by the ${from}`)
    })
  }
}

async function tagged(t: Test, piped: Piped): Promise<void> {
  for (const path of ['direct', 'tap', 'inline'] as const) {
    piped.set(path)
    const sent = {
      host: [
        POD_HEX + HOST_HEX + VLAN_100 + POD_V4,
        MDNS_V6.mac + HOST_HEX + VLAN_100 + MDNS_V6.payload,
      ],
      pod: [HOST_HEX + POD_HEX + VLAN_100 + POD_V4],
    }
    for (const from of ['host', 'pod'] as const) {
      const seen = await crosses(piped, from, sent[from])
      const want = sent[from].map((frame) => ({ tci: 100, macs: frame.slice(0, 24) }))
      const have = seen.map((frame) => ({ tci: frame.tci, macs: macsOf(frame) }))
      t.same(have, want, `${path}: VLAN 100 from the ${from}`)
    }
  }
}
