import t from 'tap'
import type { PeditKey } from '../../../src/core/netlink/pedit.js'
import { decodeU32Node, type U32Node, u32Filter } from '../../../src/core/netlink/u32.js'
import { isSameSelector } from '../../../src/intercept/tc/difference.js'
import { endpointRules } from '../../../src/intercept/tc/endpoint-rules.js'
import { sharedNodes, TABLES } from '../../../src/intercept/tc/vbr-rules.js'
import { recordOf } from './record.js'

/**
 * u32 and pedit over 16 octets of headroom and Ethernet header and the packet after them, as
 * cls_u32.c and act_pedit.c do: enough to walk the nodes that rebuild a group address.
 */
class Frame {
  readonly #octets: Uint8Array

  constructor(hex: string) {
    this.#octets = Uint8Array.from(Buffer.from(`dead${hex}`.padEnd(160, '0'), 'hex'))
  }

  get destination(): string {
    return Buffer.from(this.#octets.subarray(2, 8)).toString('hex')
  }

  word(offset: number): number {
    return new DataView(this.#octets.buffer).getUint32(16 + offset, false)
  }

  edit({ header, offset, keep, flip }: PeditKey): void {
    const at = 16 + offset - (header === 'eth' ? 14 : 0)
    const view = new DataView(this.#octets.buffer)
    view.setUint32(at, ((view.getUint32(at, false) & keep) ^ flip) >>> 0, false)
  }
}

/** Walks like u32_classify; what the last action was. */
function walk(frame: Frame, nodes: readonly U32Node[], table = 0x800, bucket = 0): string | null {
  const candidates = nodes
    .filter((n) => n.table === table && n.bucket === bucket)
    .sort((a, b) => a.node - b.node)
  for (const node of candidates) {
    const isMatch = node.matches.every(
      ({ offset, mask, value }) => ((frame.word(offset) ^ value) & mask) === 0,
    )
    const verdict = isMatch ? run(frame, nodes, node) : null
    if (verdict !== null) return verdict
  }
  return null
}

function run(frame: Frame, nodes: readonly U32Node[], node: U32Node): string | null {
  if (node.link !== undefined) {
    const { table, hashKey } = node.link
    const shift = hashKey === undefined ? 0 : 31 - Math.clz32(hashKey.mask & -hashKey.mask)
    const bucket = hashKey === undefined ? 0 : (frame.word(hashKey.offset) & hashKey.mask) >>> shift
    return walk(frame, nodes, table, bucket)
  }
  for (const action of node.actions) {
    if (action.kind === 'pedit') {
      action.keys.forEach((key) => void frame.edit(key))
      if (action.verdict === 'continue') return null
    } else if (action.kind === 'mirred') return `redirect ${action.ifindex}`
    else if (action.verdict === 'drop') return `drop ${(action.index ?? 0) & 0xffff}`
  }
  return null
}

const HOST = '020000000702'
const INLINE = { path: 'inline', failure: 'open', strict: true, isStale: false } as const
const NODES = [
  ...sharedNodes(),
  ...endpointRules(recordOf(0x1234), INLINE).vbr,
  ...endpointRules(recordOf(0x2034), INLINE).vbr,
]
const ipv4 = (destination: string) => `0800${'45'.padEnd(32, '0')}${destination}`
const ipv6 = (destination: string) => `86dd${'60'.padEnd(48, '0')}${destination}`

t.test('a group address is rebuilt from the IP destination', (t) => {
  const groups = [
    ['01005e0000fb', ipv4('e00000fb')],
    ['01005e7fffff', ipv4('efffffff')],
    ['01005e55aa55', ipv4('e0d5aa55')],
    ['3333000000fb', ipv6(`ff02${'0'.repeat(26)}fb`)],
    ['3333deadbeef', ipv6(`ff0e${'0'.repeat(20)}deadbeef`)],
  ] as const
  for (const [mac, packet] of groups) {
    const frame = new Frame(`4e6575569234${HOST}${packet}`)
    t.equal(walk(frame, NODES), 'redirect 7')
    t.equal(frame.destination, mac)
  }
  t.end()
})

t.test('what has not exactly one good marker is dropped by its cause', (t) => {
  const packet = ipv4('0a4d0001')
  const cases = [
    [`4e6575561234${HOST}`, 'redirect 7', 'towards the pod'],
    [`${HOST}4e6575561234`, 'redirect 8', 'from the pod'],
    ['4e65755612344e6575561234', 'drop 7', 'two markers'],
    [`020000000701${HOST}`, 'drop 7', 'none'],
    [`01005e0000fb${HOST}`, 'drop 7', 'none, to a group'],
    [`4e6575560007${HOST}`, 'drop 8', 'an id of nobody'],
    [`${HOST}4e6575560007`, 'drop 8', 'an id of nobody, from the pod'],
    [`4e657556d234${HOST}`, 'drop 10', 'kind foreign'],
    [`4e6575569234${HOST}`, 'drop 10', 'kind multicast, to a unicast address'],
    [`${HOST}4e6575565234`, 'drop 10', 'a source that is broadcast'],
  ] as const
  for (const [macs, want, name] of cases) t.equal(walk(new Frame(macs + packet), NODES), want, name)
  t.end()
})

t.test('bits: 23 of IPv4, 32 of IPv6', (t) => {
  const count = (table: number) => sharedNodes().filter((n) => n.table === table).length
  t.equal(count(TABLES.ipv4Bits), 23)
  t.equal(count(TABLES.ipv6Bits), 32)
  t.end()
})

t.test('what the kernel gives back of a node is the same selector', async (t) => {
  for (const node of sharedNodes()) {
    const have = decodeU32Node(u32Filter({ ifindex: 1, priority: 1 }, node))
    if (have === null) t.fail(`node ${node.node} can't be read back`)
    else if (!isSameSelector(node, have)) t.fail(`node ${node.node} of table ${node.table}`)
  }
  const linked = sharedNodes().filter(({ link }) => link?.hashKey !== undefined)
  const [first, second] = linked
  const other = second && decodeU32Node(u32Filter({ ifindex: 1, priority: 1 }, second))
  t.ok(first && other && !isSameSelector(first, other), 'another link is another')
})
