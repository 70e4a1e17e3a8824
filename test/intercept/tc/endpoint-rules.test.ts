import t from 'tap'
import type { U32Node } from '../../../src/core/netlink/u32.js'
import { u32Handle } from '../../../src/core/netlink/u32.js'
import { decodeCookie, encodeCookie } from '../../../src/intercept/tc/cookie.js'
import { actionText } from '../../../src/intercept/tc/difference.js'
import { endpointRules, type InForce } from '../../../src/intercept/tc/endpoint-rules.js'
import { recordOf } from './record.js'

const VIN = 7
const VEX = 8
const VBR = 10_000_000
const RECORD = recordOf(0x1234)
const OPEN: InForce = { path: 'direct', failure: 'open', strict: true, isStale: false }

/** Actions of the nodes, by node number, in short. */
function actionsOf(nodes: readonly U32Node[]): Record<number, string> {
  return Object.fromEntries(nodes.map((n) => [n.node, n.actions.map(actionText).join('; ')]))
}
const rulesOf = (state: Partial<InForce>) => endpointRules(RECORD, { ...OPEN, ...state })
const FORGED = `gact drop index ${0x7677_0001}`
/** Two to an endpoint, from its pod only: forged markers and foreign addresses. */
const FORGED_BY_POD = `gact pipe index ${0x7678_0000 + 2 * 0x1234}; ${FORGED}`
const FOREIGN_BY_POD = `gact pipe index ${0x7678_0001 + 2 * 0x1234}`
const to = (ifindex: number) => `mirred egress redirect ${ifindex}`
/** `munge eth dst set 4e:65:75:56:hi:lo`. */
const marked = (low: string) => `pedit eth+0=0x4e657556,eth+4=0x${low}0000 pipe; ${to(VBR)}`
const ASKED = 'gact pipe'

t.test('direct: all but forged markers cross', (t) => {
  const { vin, vex } = rulesOf({})
  const forged = { 1: FORGED_BY_POD, 2: FORGED_BY_POD }
  t.same(actionsOf(vin), { ...forged, 7: to(VEX), 11: `${ASKED}; ${to(VEX)}` })
  t.same(actionsOf(vex), {
    ...{ 1: FORGED, 2: FORGED, 11: `${ASKED}; ${to(VIN)}` },
    ...{ 7: to(VIN), 8: to(VIN), 9: to(VIN), 10: to(VIN) },
  })
  t.end()
})

t.test('inline: each kind of destination has its marker', (t) => {
  const { vin, vex } = rulesOf({ path: 'inline' })
  t.same(actionsOf(vex), {
    ...{ 1: FORGED, 2: FORGED, 7: marked('1234'), 8: marked('5234') },
    ...{ 9: marked('9234'), 10: marked('9234'), 11: `${ASKED}; gact drop index ${0x7677_0002}` },
  })
  const source = `pedit eth+4=0x4e65,eth+8=0x75561234 pipe; ${to(VBR)}`
  t.equal(
    actionsOf(vin)[11],
    `${ASKED}; ${FOREIGN_BY_POD}; gact drop index ${0x7677_0002}`,
    'from the pod it is counted for the pod too',
  )
  t.equal(actionsOf(vin)[7], source, 'the two octets of the neighbour stay')
  t.equal(
    actionsOf(rulesOf({ path: 'inline', strict: false }).vin)[11],
    `${ASKED}; gact pipe index ${0x7677_0003}; ${to(VEX)}`,
    'not strict: foreign addresses pass, counted',
  )
  t.end()
})

t.test('tap: the original first, then the marked copy', (t) => {
  const { vex } = rulesOf({ path: 'tap' })
  t.equal(actionsOf(vex)[7], `mirred egress mirror ${VIN}; ${marked('1234')}`)
  t.end()
})

t.test('quarantine and a dead judge', (t) => {
  const quarantine = `gact drop index ${0x7677_0004}`
  t.same(actionsOf(rulesOf({ path: 'quarantine' }).vin), {
    ...{ 1: FORGED_BY_POD, 2: FORGED_BY_POD, 7: quarantine, 11: `${ASKED}; ${quarantine}` },
  })
  const dead = (failure: InForce['failure']) =>
    actionsOf(rulesOf({ path: 'inline', failure, isStale: true }).vin)[7]
  t.equal(dead('open'), `gact pipe index ${0x7677_0005}; ${to(VEX)}`)
  t.equal(dead('closed'), `gact drop index ${0x7677_0006}`)
  t.end()
})

t.test('matches are the same in every path: nodes are replaced in place', (t) => {
  const matchesOf = (state: Partial<InForce>) => {
    const { vin, vex, vbr } = rulesOf(state)
    return [...vin, ...vex, ...vbr].map((n) => [u32Handle(n), n.matches])
  }
  const want = matchesOf({})
  for (const path of ['tap', 'inline', 'quarantine'] as const) t.same(matchesOf({ path }), want)
  t.end()
})

t.test('vbr-neuv takes frames back from inline, and lets it drain in direct', (t) => {
  const notInline = `gact drop index ${0x7677_0009}`
  for (const path of ['tap', 'quarantine'] as const) {
    const back = rulesOf({ path }).vbr.filter(({ table }) => table !== 5)
    t.ok(
      back.every((n) => n.actions.map(actionText).join() === notInline),
      path,
    )
  }
  for (const path of ['inline', 'direct'] as const) {
    const [podMac] = rulesOf({ path }).vbr
    t.same(podMac?.actions.map(actionText), ['pedit eth+0=0x2000000,eth+4=0x7010000 pipe', to(VIN)])
  }
  t.end()
})

t.test('no two endpoints share a node on vbr-neuv', (t) => {
  const ids = [1, 2, 0x100, 0x101, 0x1234, 0x2034, 0x3f34, 0x3fff]
  const handles = ids.flatMap((id) => endpointRules(recordOf(id), OPEN).vbr.map(u32Handle))
  t.equal(new Set(handles).size, ids.length * 8)
  t.ok(endpointRules(recordOf(0x3fff), OPEN).vbr.every(({ node }) => node < 0xfff))
  t.end()
})

t.test('the cookie says what was asked for', (t) => {
  const asked = { path: 'inline', failure: 'closed', strict: false } as const
  t.same(decodeCookie(encodeCookie(asked)), asked)
  t.equal(decodeCookie(Uint8Array.of(2, 0, 0, 0)), null, 'of another version')
  t.equal(decodeCookie(Uint8Array.of(1, 9, 0, 0)), null, 'of no path')
  t.equal(decodeCookie(new Uint8Array()), null)
  t.end()
})
