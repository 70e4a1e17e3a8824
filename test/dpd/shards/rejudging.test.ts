import t from 'tap'
import type { EngineCommand } from '../../../src/core/inspect/contract.js'
import { Rejudging } from '../../../src/dpd/shards/rejudging.js'
import { Bench, compiled, ingressPolicy } from '../judge/bench.js'

const GET = ingressPolicy('- { name: get, http: [{ methods: [GET] }] }')
const REQUEST = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n'
const FLOWS = 1000

/** A judge with flows, a clock that goes on by `stepMs` at each look, turns that are taken by hand. */
function worker(stepMs: number) {
  const bench = new Bench(GET)
  for (let i = 0; i < FLOWS; i++) bench.octets(bench.open({}), 'orig', 0, REQUEST)
  const sent: EngineCommand[] = []
  const turns: (() => void)[] = []
  const rings = {
    isBehind: false,
    send: (commands: readonly EngineCommand[]) => sent.push(...commands),
  }
  let nowMs = 0
  const rejudging = new Rejudging({
    judge: bench.judge,
    rings,
    monotonicMs: () => {
      nowMs += stepMs
      return nowMs
    },
    soon: (turn) => turns.push(turn),
  })
  return { bench, rejudging, rings, sent, turns }
}

t.test('a turn ends with its time, and the answer comes with the last one', async (t) => {
  const { rejudging, sent, turns } = worker(4)
  let answers = 0
  rejudging.begin(compiled(GET, 2), () => answers++)
  t.ok(sent.length > 0 && sent.length < FLOWS, `${sent.length} at once`)
  let taken = 1
  for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
    t.equal(answers, 0)
    turn()
    taken++
  }
  t.equal(answers, 1)
  t.equal(sent.length, FLOWS)
  t.ok(taken > 3, `${taken} turns`)
})

t.test('while the engine is behind, neither more commands nor an answer', async (t) => {
  const { rejudging, rings, sent, turns } = worker(0)
  let answers = 0
  rings.send = (commands) => {
    rings.isBehind = commands.length > 0
    return sent.push(...commands)
  }
  rejudging.begin(compiled(GET, 2), () => answers++)
  const first = sent.length
  turns.shift()?.()
  t.equal(sent.length, first)
  while (turns.length > 0) {
    rings.isBehind = false
    turns.shift()?.()
    if (sent.length === FLOWS && rings.isBehind) t.equal(answers, 0)
  }
  t.equal(sent.length, FLOWS)
  t.equal(answers, 1)
})

t.test('a policy amid the sweep: both are answered when it is through, in order', async (t) => {
  const { bench, rejudging, turns } = worker(4)
  const answers: number[] = []
  rejudging.begin(compiled(GET, 2), () => answers.push(2))
  rejudging.begin(compiled(GET, 3), () => answers.push(3))
  t.equal(turns.length, 1, 'one sweep')
  for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) turn()
  t.same(answers, [2, 3])
  const generations = new Set(Array.from(bench.judge.flows(), ({ ruling }) => ruling.generation))
  t.same(generations, new Set([3]))
})
