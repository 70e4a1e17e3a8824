import t from 'tap'
import { fromLatin1 } from '../../../src/core/bytes.js'
import type { Dir, Parser } from '../../../src/core/inspect/contract.js'
import { Inspection, type Outcome } from '../../../src/dpd/dpi/stream.js'
import { viewOf } from './deliver.js'
import { type LineState, lineParser } from './line-parser.js'

/** A flow whose offsets count themselves. */
class Flow {
  readonly inspection: Inspection
  readonly #at = { orig: 0, reply: 0 }

  constructor(transport: 'tcp' | 'udp' = 'tcp') {
    this.inspection = new Inspection(viewOf(transport), [lineParser])
  }

  send(dir: Dir, text: string, ended = false): Outcome {
    const at = this.#at[dir]
    this.#at[dir] += text.length
    return this.inspection.octets(dir, at, fromLatin1(text), ended)
  }
}

const linesOf = (outcome: Outcome): unknown[] =>
  outcome.facts.map(({ fact }) =>
    fact.kind === 'txEnd' ? fact.end : Object.values(fact.fields)[0],
  )

t.test('identified by octets; untaken ones come again', async (t) => {
  const flow = new Flow()
  t.match(flow.send('orig', '#a'), { state: 'parsing', facts: [] })
  t.equal(flow.inspection.app, 'line')
  t.equal(flow.inspection.covered('orig'), 0, 'nothing is covered before its fact is out')
  const outcome = flow.send('orig', 'b\nc')
  t.same(linesOf(outcome), ['ab'])
  t.equal(flow.inspection.covered('orig'), 4)
})

/** Sure of a flow from so many octets on. */
const sureFrom = (app: string, octets: number): Parser<LineState> => ({
  ...lineParser,
  app,
  probe: ({ orig, reply }) => (Math.max(orig.length, reply.length) < octets ? 'more' : 'yes'),
})

t.test('of several protocols the earliest octet decides, however they are cut', async (t) => {
  const parsers = [sureFrom('late', 4), sureFrom('early', 3), sureFrom('third', 3)]
  for (const dir of ['orig', 'reply'] as const) {
    for (const cut of [1, 2, 3, 4, 5]) {
      const inspection = new Inspection(viewOf('tcp'), parsers)
      inspection.octets(dir, 0, fromLatin1('#abcd'.slice(0, cut)), false)
      inspection.octets(dir, cut, fromLatin1('#abcd'.slice(cut)), true)
      t.equal(inspection.app, 'early', `${dir}, cut at ${cut}`)
    }
  }
  const datagrams = new Inspection(viewOf('udp'), parsers)
  datagrams.octets('orig', 0, fromLatin1('#abcd'), false)
  t.equal(datagrams.app, 'late', 'a datagram is not cut: the first')
})

t.test('no parser is left: unknown, and all is covered', async (t) => {
  const flow = new Flow()
  t.equal(flow.send('orig', 'x').state, 'unknown')
  t.equal(flow.inspection.app, 'unknown')
  t.equal(flow.inspection.covered('reply'), Number.MAX_SAFE_INTEGER)
  t.same(flow.send('orig', '#a\n').facts, [])
})

t.test('more is not for ever', async (t) => {
  const both = new Flow()
  t.equal(both.send('orig', '????').state, 'probing')
  t.equal(both.send('reply', '????').state, 'unknown', 'both directions gave probeOctets')
  const one = new Flow()
  t.equal(one.send('orig', '?'.repeat(64)).state, 'probing')
  t.equal(one.send('orig', '?').state, 'unknown', 'one direction gave more than the window')
  const ended = new Flow()
  t.equal(ended.send('orig', '?', true).state, 'probing')
  t.equal(ended.send('reply', '?', true).state, 'unknown', 'both ended')
})

t.test('a server that speaks first', async (t) => {
  const flow = new Flow()
  t.same(linesOf(flow.send('reply', '#hello\n')), ['hello'])
  t.equal(flow.inspection.app, 'line')
})

t.test('skip: what is delivered is dropped, the rest is not wanted', async (t) => {
  const flow = new Flow()
  const outcome = flow.send('orig', '#skip\n1234')
  t.same(outcome.skips, [{ dir: 'orig', from: 10, octets: 6 }])
  t.equal(flow.inspection.covered('orig'), 16)
  t.same(linesOf(flow.send('orig', '567890next\n')), ['next'])
  t.same(flow.send('orig', 'skip\n1234567890').skips, [], 'all of it was there')
})

t.test('skip: the octets need not be delivered', async (t) => {
  const { inspection } = new Flow()
  inspection.octets('orig', 0, fromLatin1('#skip\n'), false)
  t.same(linesOf(inspection.octets('orig', 16, fromLatin1('x\n'), false)), ['x'])
  const rest = inspection.octets('orig', 18, fromLatin1('rest\n'), false)
  t.same(rest.skips, [{ dir: 'orig', from: 23, octets: 'toEnd' }])
  t.equal(inspection.covered('orig'), Number.MAX_SAFE_INTEGER)
})

t.test('need: only what is more than the next octet is said', async (t) => {
  const flow = new Flow()
  t.same(flow.send('orig', '#a').needs, [])
})

t.test('await: rests until the other direction moves', async (t) => {
  const flow = new Flow()
  t.same(linesOf(flow.send('orig', '#a\nawait\n')), ['a'])
  t.equal(flow.inspection.covered('orig'), 3)
  t.equal(flow.send('orig', 'x'.repeat(58)).state, 'parsing')
  t.match(flow.send('orig', 'y'), { state: 'malformed', clause: /window/ })
})

t.test('switch: probed again, transactions go on counting', async (t) => {
  const flow = new Flow()
  const outcome = flow.send('orig', '#a\nagain\n#b\n')
  t.same(
    outcome.facts.map(({ fact }) => fact.kind !== 'flow' && fact.tx),
    [0, 1, 2],
  )
  t.same([...(flow.inspection.refusal(2)?.toOpener ?? [])], [0], 'its own first')
  t.equal(flow.inspection.refusal(1), null, 'of the parser before')
  t.equal(flow.send('orig', 'absent\n').state, 'unknown')
  t.equal(flow.inspection.app, 'unknown')
})

t.test('switch: nested without end', async (t) => {
  t.match(new Flow().send('orig', '#again\n'.repeat(20)), { state: 'malformed', clause: /nested/ })
})

t.test('a window is bounded', async (t) => {
  const flow = new Flow()
  t.equal(flow.send('orig', `#${'x'.repeat(62)}`).state, 'parsing')
  t.match(flow.send('orig', 'x'), { state: 'malformed', clause: /window of 64/ })
  t.match(new Flow().send('orig', '#greedy\n'), { state: 'malformed', clause: /window of 64/ })
})

t.test('a parser that breaks the contract is malformed and counted', async (t) => {
  for (const line of ['throw', 'steal', 'stall']) {
    const flow = new Flow()
    const outcome = flow.send('orig', `#a\n${line}\n`)
    t.match(outcome, { state: 'malformed', parserFault: true, clause: /^parser fault/ }, line)
    t.same(linesOf(outcome), ['a'], 'what it said before stands')
    t.notOk(flow.send('orig', '#b\n').parserFault, 'once')
  }
})

t.test('a refusal that throws is none; none in the middle of a reply', async (t) => {
  const flow = new Flow()
  flow.send('orig', '#a\nb\nc\nd\n')
  t.equal(flow.inspection.refusal(3), null)
  t.not(flow.inspection.refusal(2), null)
  flow.send('reply', 'half a line')
  t.equal(flow.inspection.refusal(2), null)
})

t.test('malformed and done are final', async (t) => {
  const bad = new Flow()
  t.match(bad.send('orig', '#bad\n'), { state: 'malformed', clause: 'RFC 0' })
  t.match(bad.send('orig', 'a\n'), { state: 'malformed', clause: 'RFC 0', facts: [] })
  const done = new Flow()
  t.equal(done.send('orig', '#done\nx\n').state, 'done')
  t.equal(done.inspection.app, 'line')
})

t.test('gap: told unless it was skipped, and the octets go on after it', async (t) => {
  const { inspection } = new Flow()
  inspection.octets('orig', 0, fromLatin1('#a\nhalf'), false)
  const lost = inspection.gap('orig', 7, 5)
  t.same(linesOf(lost), ['orig 7 5'])
  t.same(linesOf(inspection.octets('orig', 12, fromLatin1('b\nskip\n'), false)), ['b', 'skip'])
  t.same(linesOf(inspection.gap('orig', 19, 10)), [], 'all of it skipped')
  t.same(linesOf(inspection.octets('orig', 40, fromLatin1('c\n'), false)), ['orig 29 11', 'c'])
})

t.test('octets that came before are not taken twice', async (t) => {
  const { inspection } = new Flow()
  inspection.octets('orig', 0, fromLatin1('#a\nb'), false)
  t.same(linesOf(inspection.octets('orig', 2, fromLatin1('\nb\n'), false)), ['b'])
})

t.test('UDP: whole datagrams, by index', async (t) => {
  const { inspection } = new Flow('udp')
  inspection.octets('orig', 0, fromLatin1('?'), false)
  t.equal(inspection.app, null)
  const outcome = new Flow('udp').inspection.octets('orig', 0, fromLatin1('#a\n'), false)
  t.same(linesOf(outcome), ['a'])
  for (let at = 1; at < 8; at++) inspection.octets('orig', at, fromLatin1('?'), false)
  t.equal(inspection.app, 'unknown', 'a few datagrams must do')
})

t.test(
  'put to rest: what a parser without `rest` knows stays, one that fails is malformed',
  async (t) => {
    const restless = new Flow()
    restless.send('orig', '#a\n')
    t.equal(restless.inspection.save(), null)
    const restore = () => {
      throw new Error('restore')
    }
    const failing = { ...lineParser, rest: { save: () => [], restore } }
    const inspection = new Inspection(viewOf('tcp'), [failing])
    inspection.octets('orig', 0, fromLatin1('#a\n'), false)
    const saved = inspection.save()
    if (saved === null) throw new Error('not saved')
    const woken = Inspection.restore(viewOf('tcp'), [failing], saved)
    t.match(woken.octets('orig', 3, fromLatin1('b\n'), false), {
      state: 'malformed',
      clause: 'parser fault: restore',
    })
  },
)
