import t from 'tap'
import { readArguments, UsageError } from '../../bench/arguments.js'
import { PATH_NAMES } from '../../bench/paths.js'

const WORKLOADS = ['tcp1', 'rr', 'redis']
const read = (line: string) => readArguments(line.split(' ').filter(Boolean), WORKLOADS)

t.test('all of it, five rounds', async (t) => {
  t.match(read(''), { rounds: 5, only: WORKLOADS, paths: PATH_NAMES, effort: { seconds: 2 } })
})

t.test('plain is always measured, paths keep their order', async (t) => {
  t.match(read('--rounds 9 --only rr --paths inline,tap'), {
    rounds: 9,
    only: ['rr'],
    paths: ['plain', 'tap', 'inline'],
  })
})

t.test('quick is one short round, unless told otherwise', async (t) => {
  t.match(read('--quick'), { rounds: 1, effort: { seconds: 1 } })
  t.match(read('--quick --rounds 3'), { rounds: 3 })
})

t.test('a kept result instead of a run', async (t) => {
  t.equal(read('').from, null)
  t.equal(read('--from bench/results/a.json').from, 'bench/results/a.json')
})

t.test('what is not there is named', async (t) => {
  for (const line of [
    '--rounds 0',
    '--rounds x',
    '--only ping',
    '--paths inline,outline',
    '--fast',
  ]) {
    t.throws(() => read(line), UsageError, line)
  }
})
