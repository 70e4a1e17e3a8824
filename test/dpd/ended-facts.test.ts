import t from 'tap'
import type { Fields } from '../../src/core/inspect/contract.js'
import { type EndedTransaction, FactsWriter, readFacts } from '../../src/dpd/ended-facts.js'
import { type Board, OctetShelf } from '../../src/dpd/octet-shelf.js'

const writer = new FactsWriter()

function thereAndBack(fields: Fields, transactions: readonly EndedTransaction[] = []) {
  const length = writer.write(fields, transactions)
  return readFacts(writer.octets.slice(0, length))
}

const numbered = (count: number, prefix: string): Fields =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, i]))

const CASES: readonly { name: string; fields: Fields }[] = [
  { name: 'nothing', fields: {} },
  {
    name: 'texts, Latin-1 and beyond',
    fields: { a: '', b: 'caf\u00e9\0', c: 'ключ', d: '\ud800' },
  },
  {
    name: 'whole numbers',
    fields: { a: 0, b: 127, c: 128, d: 2 ** 32, e: Number.MAX_SAFE_INTEGER },
  },
  { name: 'other numbers', fields: { a: -1, b: 0.5, c: 2 ** 60, d: Number.POSITIVE_INFINITY } },
  { name: 'truths and lists', fields: { a: true, b: false, c: [], d: ['x', 'ключ', ''] } },
  { name: 'a text longer than a board', fields: { a: 'x'.repeat(200_000), b: 'я'.repeat(70_000) } },
  { name: 'more fields than an octet counts', fields: numbered(200, 'field') },
  { name: 'more names than are known by number', fields: numbered(600, 'header.x-') },
]

for (const { name, fields } of CASES) {
  t.test(name, async (t) => {
    t.same(thereAndBack(fields), { fields, transactions: [] })
    const transactions = [
      { tx: 0, fields },
      { tx: 70_000, fields: {} },
      { tx: 70_001, fields },
    ]
    t.same(thereAndBack({}, transactions), { fields: {}, transactions })
    t.same(Object.keys(thereAndBack(fields).fields), Object.keys(fields), 'in their order')
  })
}

t.test('boards are used again, each record stays as long as it is kept', async (t) => {
  const shelf = new OctetShelf()
  const lengths = [0, 1, 300, 40_000, 65_536, 65_537, 7]
  const kept: { board: Board; from: number; value: number; length: number }[] = []
  const boards = new Set<Board>()
  let changed = 0
  for (let i = 0; i < 300; i++) {
    const length = lengths[i % lengths.length] ?? 0
    const board = shelf.put(new Uint8Array(length).fill(i), length)
    boards.add(board)
    kept.push({ board, from: board.used - length, value: i & 0xff, length })
    const oldest = kept.length > 5 ? kept.shift() : undefined
    if (oldest === undefined) continue
    const octets = oldest.board.octets.subarray(oldest.from, oldest.from + oldest.length)
    if (!octets.every((octet) => octet === oldest.value)) changed++
    shelf.remove(oldest.board)
  }
  t.equal(changed, 0)
  const ofOneSize = [...boards].filter(({ octets }) => octets.length === 65_536)
  t.ok(ofOneSize.length < 10, `${ofOneSize.length} boards`)
})
