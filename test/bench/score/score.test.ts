import t from 'tap'
import { labelFor, readLabels } from '../../../bench/score/labels.js'
import { ScoreBook } from '../../../bench/score/score.js'
import type { SeenFlow } from '../../../bench/score/tally.js'

const seen = (apps: readonly string[], more: Partial<SeenFlow> = {}): SeenFlow => ({
  tuple: {
    protocol: 6,
    source: '192.0.2.1',
    sourcePort: 40_000,
    destination: '192.0.2.2',
    destinationPort: 8080,
    vlan: 0,
  },
  start: 'syn',
  apps,
  version: null,
  names: new Set(),
  hasPayload: true,
  packetsToVerdict: apps.length === 0 ? null : 1,
  ...more,
})

function score(label: string, ...flows: readonly SeenFlow[]) {
  const book = new ScoreBook()
  book.add('a.pcap', readLabels('l.csv', `a.pcap,${label}`).of('a.pcap'), flows)
  return book.finish()
}

t.test('recall and false labels', async (t) => {
  const { protocols, goalsMissed, falseLabelsPercent, misses } = score(
    'https',
    ...[seen(['tls']), seen(['http', 'tls']), seen([]), seen(['http'])],
  )
  t.match(protocols, [
    { protocol: 'tls', flows: 4, recalled: 2, recallPercent: 50, falseLabels: 1 },
  ])
  t.equal(falseLabelsPercent, 25)
  t.match(goalsMissed, [/recall of tls: 50.00 %, goal 99 %/, /false labels: 25.00 %/])
  t.match(misses, [{ why: 'not recognised' }, { why: 'false label', seen: 'http' }])
})

t.test('the version that a label tells', async (t) => {
  const [old, newer] = [
    seen(['http'], { version: 'HTTP/1.1' }),
    seen(['http'], { version: 'HTTP/2' }),
  ]
  t.match(score('h2', old, newer, seen(['http'])).protocols, [{ flows: 3, recalled: 2 }])
  t.match(score('http', old, newer).protocols, [{ flows: 2, recalled: 2 }])
})

t.test('without a parser only a false label counts', async (t) => {
  const { protocols, recallPercent } = score('bittorrent', seen([]), seen(['http']))
  t.match(protocols, [{ hasParser: false, flows: 2, recallPercent: null, falseLabels: 1 }])
  t.equal(recallPercent, null)
})

t.test('what goes along is unlabelled, unless it is labelled itself', async (t) => {
  const { tuple } = seen([])
  const query = seen(['dns'], { tuple: { ...tuple, protocol: 17, destinationPort: 53 } })
  t.match(score('http', query), { unlabelled: 1, flows: 0, falseLabels: 0 })
  t.match(score('dns', query), { unlabelled: 0, flows: 1 })
  const labels = readLabels('l.csv', 'a.pcap,,40000,,53,udp,http').of('a.pcap')
  const ends = { transport: 'udp', opener: { address: null, port: 40_000 } } as const
  t.ok(labelFor(labels, { ...ends, receiver: { address: null, port: 53 } }))
  const book = new ScoreBook()
  book.add('a.pcap', labels, [query])
  t.match(book.finish(), { flows: 1, falseLabels: 1 })
})

t.test('flows without payload, and what is no flow of TCP or UDP', async (t) => {
  const echo = seen([], { tuple: { ...seen([]).tuple, protocol: 1 } })
  t.match(score('http', seen([], { hasPayload: false }), echo), { withoutPayload: 1, flows: 0 })
})

t.test('packets by nearest rank, names', async (t) => {
  const flows = Array.from({ length: 100 }, (_, i) =>
    seen(['http'], { packetsToVerdict: i + 1, names: new Set([i === 0 ? 'a.example' : 'b']) }),
  )
  const [column] = score('http,A.example.', ...flows).protocols
  t.same(column?.packetsToVerdict, { p50: 50, p95: 95, p99: 99 })
  t.match(column, { namesExpected: 100, namesFound: 1, namesSeen: 2 })
})
