import t from 'tap'
import { coversFilter, meetsFilter } from '../../../src/core/policy/mqtt-topic.js'
import { Random } from './random-policy.js'

/** pattern, filter, covers, meets */
const CASES: readonly (readonly [string, string, boolean, boolean])[] = [
  ['a/b', 'a/b', true, true],
  ['#', 'a/b/#', true, true],
  ['a/#', 'a', true, true],
  ['a/#', 'a/#', true, true],
  ['a/*', 'a/#', false, true],
  ['a/+', 'a/#', false, true],
  ['a/+/c', 'a/+/c', true, true],
  ['a/*', 'a/+/c', true, true],
  ['a/b', '+/b', false, true],
  ['a/b', '+/c', false, false],
  ['a/#', '+', false, true],
  ['+', '/', false, false],
  ['+/+', '/', true, true],
  ['#', '$SYS/x', false, false],
  ['*', '$SYS/x', true, true],
  ['$SYS/#', '#', false, false],
  ['$SYS/#', '$SYS/+', true, true],
]
for (const [pattern, filter, covers, meets] of CASES) {
  t.test(`${pattern} and ${filter}`, async (t) => {
    t.equal(coversFilter(pattern, filter), covers, 'covers')
    t.equal(meetsFilter(pattern, filter), meets, 'meets')
  })
}

/** MQTT 5.0 §4.7, level by level; `*` as a run of characters. */
function takenBy(filter: string, topics: readonly string[]): string[] {
  const text = filter
    .split('/')
    .map((level) => (level === '+' ? '[^/]*' : level.replaceAll('$', '\\$').replaceAll('*', '.*')))
    .join('/')
    .replace(/(^|\/)#$/, (_, slash) => (slash === '' ? '.*' : '(/.*)?'))
  const whole = new RegExp(`^${text}$`)
  const isWild = /^[+#]/.test(filter)
  return topics.filter((topic) => whole.test(topic) && !(isWild && topic.startsWith('$')))
}

function everyTopic(length: number): string[] {
  const shorter = length === 0 ? [] : everyTopic(length - 1)
  if (length === 0) return ['']
  return [...shorter, ...shorter.flatMap((topic) => ['a', 'b', '/', '$'].map((c) => topic + c))]
}

t.test('what is covered is taken whole; what does not meet shares nothing', async (t) => {
  const random = new Random(7)
  const topics = [...new Set(everyTopic(5))].filter((topic) => topic !== '')
  const level = (stars: boolean) =>
    random.pick(['a', 'b', '+', '', ...(stars ? ['*', 'a*'] : ['$'])])
  const make = (stars: boolean): string => {
    const levels = Array.from({ length: 1 + random.below(3) }, () => level(stars))
    return [...levels, ...(random.chance(30) ? ['#'] : [])].join('/')
  }
  const seen = { covered: 0, apart: 0 }
  for (let i = 0; i < 1000; i++) {
    const [pattern, filter] = [make(true), make(false)]
    if (pattern === '' || filter === '') continue
    const own = takenBy(filter, topics)
    const shared = takenBy(pattern, own)
    const covers = coversFilter(pattern, filter)
    const meets = meetsFilter(pattern, filter)
    if (covers) seen.covered++
    if (!meets) seen.apart++
    const isWrong = (covers && shared.length < own.length) || (!meets && shared.length > 0)
    if (isWrong) t.fail(`${pattern} and ${filter}`, { covers, meets, shared: shared.slice(0, 5) })
  }
  t.ok(seen.covered > 50 && seen.apart > 50, JSON.stringify(seen))
})
