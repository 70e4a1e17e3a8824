import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EventsFile } from '../../src/dpd/events-file.js'

t.test('rotated by size, so many kept', async (t) => {
  const file = join(t.testdir({}), 'log', 'eve.json')
  const events = new EventsFile(
    { file, perSecond: 1000, rotateOctets: 100, keep: 3 },
    () => 0,
    t.fail,
  )
  for (let n = 0; n < 12; n++) {
    events.write({ n, filler: 'x'.repeat(60) })
    events.flush()
  }
  const numbers = (path: string): number[] =>
    readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { n: number }).n)
  t.same(numbers(file), [10, 11])
  t.same(numbers(`${file}.1`), [8, 9])
  t.same(numbers(`${file}.2`), [6, 7])
  t.notOk(existsSync(`${file}.3`))
  events.close()
})

t.test('reopened for logrotate; over the cap events are counted as lost', async (t) => {
  const file = join(t.testdir({}), 'eve.json')
  const events = new EventsFile(
    { file, perSecond: 2, rotateOctets: 9999, keep: 2 },
    () => 0,
    t.fail,
  )
  events.write({ n: 1 })
  events.flush()
  renameSync(file, `${file}.old`)
  events.reopen()
  events.write({ n: 2 })
  events.write({ n: 3 })
  events.flush()
  t.equal(readFileSync(file, 'utf8'), '{"n":2}\n')
  t.match(events.counters(), { written: 2, lost: 1 })
  events.close()
})

t.test('of many lines at once those over the cap are lost, whole ones', async (t) => {
  const file = join(t.testdir({}), 'eve.json')
  const settings = { file, perSecond: 3, rotateOctets: 9999, keep: 2 }
  const events = new EventsFile(settings, () => 0, t.fail)
  events.writeLines('{"n":1}\n', 1)
  events.writeLines('{"n":2}\n{"n":3}\n{"n":4}\n{"n":5}\n', 4)
  events.writeLines('{"n":6}\n', 1)
  events.close()
  t.equal(readFileSync(file, 'utf8'), '{"n":1}\n{"n":2}\n{"n":3}\n')
  t.match(events.counters(), { written: 3, lost: 3 })
})

t.test('a file that cannot be opened loses events, nothing else', async (t) => {
  const faults: string[] = []
  const settings = { file: '/dev/null/eve.json', perSecond: 9, rotateOctets: 9999, keep: 2 }
  const events = new EventsFile(
    settings,
    () => 0,
    (message) => faults.push(message),
  )
  events.write({ n: 1 })
  events.flush()
  t.match(faults[0], /\/dev\/null\/eve\.json/)
  t.match(events.counters(), { written: 0, lost: 1 })
})
