import t from 'tap'
import type { Reports } from '../../../src/dpd/shards/messages.js'
import { Outbox } from '../../../src/dpd/shards/outbox.js'

function open(eventsPerSecond: number | null = 1_000_000) {
  const posted: Reports[] = []
  const turns: (() => void)[] = []
  const outbox = new Outbox({
    eventsPerSecond,
    nowMs: () => 0,
    post: (reports) => posted.push(reports),
    soon: (flush) => turns.push(flush),
  })
  const turn = (): void => {
    for (const flush of turns.splice(0)) flush()
  }
  return { outbox, posted, turn }
}

const tuple = {
  direction: 'egress',
  peer: { cidr: '10.0.0.1/32' },
  protocol: 6,
  port: 80,
  app: null,
} as const

t.test('what comes within some milliseconds goes as one batch', async (t) => {
  const { outbox, posted, turn } = open()
  outbox.write(() => ({ event_type: 'flow' }))
  outbox.write(() => ({ event_type: 'dns' }))
  outbox.learn('a', 'b', tuple)
  outbox.learn('a', 'b', tuple)
  outbox.learn('a', 'c', tuple)
  t.equal(posted.length, 0)
  turn()
  t.match(posted, [
    {
      ...{ events: '{"event_type":"flow"}\n{"event_type":"dns"}\n', lines: 2 },
      ...{ learned: [{}, {}], news: [] },
    },
  ])
  t.equal(posted[0]?.learned.length, 2, 'a tuple of a pod is told once')
})

t.test('a main thread that does not read: some batches, then a limit, then a count', async (t) => {
  const { outbox, posted, turn } = open()
  const event = { text: 'x'.repeat(1000) }
  for (let n = 0; n < 100; n++) {
    outbox.write(() => event)
    turn()
  }
  t.equal(posted.length, 4)
  for (let n = 0; n < 20_000; n++) outbox.write(() => event)
  t.ok(outbox.reportsLost > 10_000, `${outbox.reportsLost} lost`)
  outbox.taken()
  t.equal(posted.length, 5)
  const waited = posted[4]?.events.length ?? 0
  t.ok(waited <= 4 << 20 && waited > 4_000_000, `${waited} octets waited`)
  const lost = outbox.reportsLost
  outbox.write(() => event)
  t.equal(outbox.reportsLost, lost, 'there is room again')
})

t.test('a large batch does not wait for its time', async (t) => {
  const { outbox, posted, turn } = open()
  for (let n = 0; n < 300; n++) outbox.write(() => ({ text: 'x'.repeat(1000) }))
  t.equal(posted.length, 1)
  turn()
  t.equal(
    posted.reduce((sum, { lines }) => sum + lines, 0),
    300,
  )
})

t.test('events over the cap, and none where none are wanted', async (t) => {
  const capped = open(2)
  let made = 0
  for (let n = 0; n < 5; n++) capped.outbox.write(() => ({ n: ++made }))
  t.equal(made, 2, 'the others are not even made')
  capped.turn()
  t.equal(capped.posted[0]?.lines, 2)
  t.equal(capped.outbox.eventsLost, 3)
  const silent = open(null)
  silent.outbox.write(() => ({}))
  silent.turn()
  t.same([silent.posted.length, silent.outbox.eventsLost], [0, 0])
})
