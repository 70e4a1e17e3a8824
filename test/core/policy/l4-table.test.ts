import t from 'tap'
import { L4_HEADER_OCTETS, L4_MAGIC, L4_VERSION } from '../../../src/core/policy/l4-table.js'
import { compiled, compiledOf, policy, setOf } from './fixture.js'

const SPEC = `podSelector: {}
ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 80}]}]`

/** Words of the section: 0 endpoints, 1 rules, 2 lists, 3 ports, 4 sets, 5 v4, 6 v6, 7 names, 8 texts. */
function section(block: Uint8Array, index: number, words: number): number[][] {
  const view = new DataView(block.buffer)
  const at = view.getUint32(28 + index * 8, true)
  const count = view.getUint32(32 + index * 8, true)
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: words }, (_, j) => view.getUint32(at + (i * words + j) * 4, true)),
  )
}

t.test('the block of one rule, word by word', async (t) => {
  const { l4Block } = compiled(setOf(policy('p', SPEC)), { nodeTraffic: 'policy' })
  const view = new DataView(l4Block.buffer)
  t.equal(view.getUint32(0, true), L4_MAGIC)
  t.equal(view.getUint16(4, true), L4_VERSION)
  t.equal(view.getUint16(6, true), L4_HEADER_OCTETS)
  t.equal(view.getUint32(8, true), l4Block.length)
  t.equal(view.getUint32(16, true), 7, 'generation')
  t.equal(view.getUint32(20, true), 0, 'no node addresses with nodeTraffic: policy')
  t.same(
    section(l4Block, 0, 7).map(([id, flags]) => [id, flags]),
    [
      [1, 1],
      [2, 1],
      [3, 0],
    ],
  )
  t.match(section(l4Block, 1, 7), [[16, 0, Number, 0, 1, 0xffffffff, 0xffffffff]])
  t.same(section(l4Block, 3, 2), [[6, 80 | (80 << 16)]])
  const set = section(l4Block, 1, 7)[0]?.[2] ?? 0
  const [first = 0, count] = section(l4Block, 4, 4)[set] ?? []
  t.equal(count, 1)
  t.same(section(l4Block, 5, 2)[first], [0x0a000000, 0x0affffff])
})

t.test('endpoints of the same policies share their rule list, rules their peers', async (t) => {
  const { l4Block } = compiledOf(policy('p', SPEC), policy('q', SPEC))
  t.equal(section(l4Block, 2, 1).length, 2)
  const peers = section(l4Block, 1, 7).map(([, , set]) => set)
  t.equal(peers[0], peers[1])
})

t.test('staged rules are not for the engine', async (t) => {
  const { l4Block } = compiledOf(policy('p', `${SPEC}\nstaged: true`))
  t.same(section(l4Block, 1, 7), [])
})

t.test('the same input gives the same octets', async (t) => {
  const one = compiledOf(policy('p', SPEC), policy('q', SPEC))
  const two = compiledOf(policy('q', SPEC), policy('p', SPEC))
  t.same(one.l4Block, two.l4Block)
})
