import t from 'tap'
import { decodeFilter, RTM_NEWTFILTER, replaceFilter } from '../../../src/core/netlink/filter.js'
import { type U32Node, u32Filter, u32Handle } from '../../../src/core/netlink/u32.js'
import {
  type CarriedFlow,
  carriedNodes,
  isCarriedNode,
} from '../../../src/intercept/tc/carried-nodes.js'
import { actionText } from '../../../src/intercept/tc/difference.js'
import { endpointRules, NODES } from '../../../src/intercept/tc/endpoint-rules.js'
import { recordOf } from './record.js'

const RECORD = recordOf(0x1234)
const V4: CarriedFlow = {
  pod: Uint8Array.of(10, 77, 0, 1),
  peer: Uint8Array.of(10, 77, 0, 2),
  podPort: 0x9c40,
  peerPort: 443,
  opener: 'pod',
}
const address6 = (last: number) =>
  Uint8Array.of(0xfd, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last)
const V6: CarriedFlow = { ...V4, pod: address6(1), peer: address6(2), opener: 'peer' }

const matches = ({ matches }: U32Node) =>
  matches.map(({ offset, mask, value }) => `${value.toString(16)}/${mask.toString(16)}@${offset}`)

t.test('IPv4: the exact five, and no end of a connection', (t) => {
  const { flow, link, table } = carriedNodes(RECORD, V4, 9, 'vin')
  t.same(matches(flow), [
    '9c4001bb/ffffffff@20',
    'a4d0001/ffffffff@12',
    'a4d0002/ffffffff@16',
    '0/70000@32',
  ])
  t.same(flow.actions.map(actionText), ['mirred egress redirect 8'])
  t.equal(u32Handle(flow), 0x0014_0009, 'table 1, the low octet of the pod’s port, the slot')
  t.same(matches(link), [
    '2000000/ffffffff@-8',
    '7010000/ffff0000@-4',
    '800/ffff@-4',
    '45000000/ff000000@0',
    '0/3fff@4',
    '60000/ff0000@8',
  ])
  t.match(link, { table: 0x800, node: 3, link: { table, hashKey: { offset: 20, mask: 0xff0000 } } })
  t.end()
})

t.test('the other direction is its mirror image', (t) => {
  const { flow, link } = carriedNodes(RECORD, V4, 9, 'vex')
  t.same(matches(flow).slice(0, 3), [
    '1bb9c40/ffffffff@20',
    'a4d0002/ffffffff@12',
    'a4d0001/ffffffff@16',
  ])
  t.same(flow.actions.map(actionText), ['mirred egress redirect 7'])
  t.equal(u32Handle(flow), 0x0014_0009)
  t.same(matches(link).slice(0, 2), ['200/ffff@-16', '701/ffffffff@-12'])
  t.equal(link.link?.hashKey?.mask, 0xff, 'the pod’s port is the destination here')
  t.end()
})

t.test('IPv6, opened by the peer', (t) => {
  const { flow, link } = carriedNodes(RECORD, V6, 64, 'vin')
  t.same(matches(flow), [
    '9c4001bb/ffffffff@40',
    ...['fd770000/ffffffff@8', '0/ffffffff@12', '0/ffffffff@16', '1/ffffffff@20'],
    ...['fd770000/ffffffff@24', '0/ffffffff@28', '0/ffffffff@32', '2/ffffffff@36'],
    '0/70000@52',
  ])
  t.equal(u32Handle(flow), 0x004b_b040, 'table 4, the low octet of the peer’s port, the slot')
  t.same(matches(link).slice(2), ['86dd/ffff@-4', '60000000/f0000000@0', '600/ff00@4'])
  t.match(link, { node: 6, link: { hashKey: { offset: 40, mask: 0xff } } })
  t.end()
})

t.test('links stand between forged markers and the pod’s MAC', (t) => {
  for (const flow of [V4, V6, { ...V4, opener: 'peer' }, { ...V6, opener: 'pod' }] as const) {
    const { link } = carriedNodes(RECORD, flow, 1, 'vin')
    t.ok(link.node > NODES.forgedSource && link.node < NODES.podMac, `${link.node}`)
  }
  const { vin, vex } = endpointRules(RECORD, {
    ...{ path: 'inline', failure: 'open', strict: true, isStale: false },
  })
  const numbers = [...vin, ...vex].map(({ node }) => node)
  t.notOk(numbers.some((node) => node >= 3 && node <= 6))
  t.end()
})

/** As the kernel gives it back. */
function found(node: U32Node) {
  const request = replaceFilter(u32Filter({ ifindex: 7, priority: 1 }, node))
  const filter = decodeFilter({ ...request, type: RTM_NEWTFILTER, sequence: 1, portId: 0 } as never)
  if (filter === null) throw new Error('not a filter')
  return filter
}

t.test('only what carries no more than one flow of this endpoint is ours', (t) => {
  for (const flow of [V4, V6]) {
    for (const device of ['vin', 'vex'] as const) {
      const ours = carriedNodes(RECORD, flow, 5, device)
      t.ok(isCarriedNode(RECORD, device, found(ours.flow)), device)
      t.ok(isCarriedNode(RECORD, device, found(ours.link)), `link on ${device}`)
      const isOurs = (change: Partial<U32Node>) =>
        isCarriedNode(RECORD, device, found({ ...ours.flow, ...change }))
      const [ports, ...rest] = ours.flow.matches
      t.notOk(isOurs({ matches: rest }), 'of any port')
      t.notOk(isOurs({ matches: ours.flow.matches.slice(0, -1) }), 'with ends')
      t.notOk(isOurs({ matches: [{ offset: 0, mask: 0, value: 0 }, ...ours.flow.matches] }))
      t.notOk(isOurs({ matches: [{ ...(ports ?? rest[0]), mask: 0xffff } as never, ...rest] }))
      t.notOk(isOurs({ actions: [{ kind: 'mirred', eaction: 'redirect', ifindex: 99 }] }))
      t.notOk(isOurs({ node: 65 }), 'beyond the slots')
      t.notOk(isOurs({ bucket: 1 }), 'where no frame of it comes by')
      const wide = { ...ours.link, matches: ours.link.matches.slice(0, 2) }
      t.notOk(isCarriedNode(RECORD, device, found(wide)), 'a wider link')
      t.notOk(isCarriedNode(recordOf(1), device === 'vin' ? 'vex' : 'vin', found(ours.flow)))
    }
  }
  t.end()
})
