/** What a real mosquitto executes is told: a seeded sample, a hundred times longer with SOAK=1. */
import t from 'tap'
import { Random } from '../../../fuzz/random.js'
import { socketDir } from '../../../socket-dir.js'
import { MosquittoServer } from './mosquitto-server.js'
import { readOctets, untold } from './mqtt-executed.js'
import { connectPacket, MqttOctets, publishPacket, subscribePacket } from './mqtt-octets.js'

const CASES = process.env.SOAK === '1' ? 100_000 : 1_000

t.test('MQTT', { timeout: 3_600_000 }, async (t) => {
  const server = await MosquittoServer.start(socketDir(t))
  t.teardown(() => server.stop())
  let executed = 0
  for (let seed = 0; seed < CASES; seed++) {
    const octets = new MqttOctets(new Random(seed)).octets()
    const did = await server.executed(octets)
    const missing = untold(did, readOctets(octets))
    if (missing !== '') t.equal(missing, '', `seed ${seed}: ${JSON.stringify(octets)}`)
    if (did.length > 1) executed++
  }
  t.ok(executed > CASES / 5, `${executed} of ${CASES} executed`)
})

const FILTERS = [
  ...[
    'a',
    '#',
    '+',
    '+/+',
    'a/#',
    '/#',
    '+/#',
    '/+',
    '$SYS/x',
    '$share/g/a',
    '$share/g/#',
    '$share/g',
  ],
  ...[
    '$share//a',
    '$share/g/',
    '$share/g//a',
    '$share/+/a',
    '$share/#/a',
    '$share/a#/b',
    '$share/g/$share/h/a',
  ],
  ...[
    '$queue/a',
    '$queue/#',
    '$share/g/$queue/a',
    '$share/g/$x/#',
    '$x/#',
    '$share',
    '$queue',
    '$SHARE/g/a',
    ' a',
  ],
]
const TOPICS = [
  ...[
    'a',
    'b',
    'a/b',
    '/a',
    '//a',
    'a/',
    '/',
    '$queue/a',
    '$x/a',
    '$share/g/a',
    '$share/g',
    '$share',
    '$queue',
    '$SHARE/g/a',
  ],
  ...['g/a', '$share/h/a', 'h/a', ' a'],
]

// A short name: the socket's path has 108 octets.
t.test('deliveries', async (t) => {
  const server = await MosquittoServer.start(socketDir(t))
  t.teardown(() => server.stop())
  for (const level of [3, 4, 5]) {
    for (const filter of FILTERS) {
      const asked = connectPacket(level, 'c1') + subscribePacket(level, filter)
      const sent = TOPICS.map((topic) => publishPacket(level, topic)).join('')
      const told = readOctets(asked).told.find(({ packet }) => packet === 'SUBSCRIBE')
      const delivered = await server.delivered(asked + sent)
      if (filter === 'a') t.same(delivered, ['a'])
      const beyond = delivered.filter(
        (topic) => told?.topics?.some((each) => matches(each, topic)) === false,
      )
      t.same(beyond, [], `more than told of ${filter} of level ${level}`)
    }
  }
})

/** MQTT 5.0 §4.7. */
function matches(filter: string, topic: string): boolean {
  const quoted = filter.replace(/[$.*?()[\]{}|^\\]/g, '\\$&')
  const pattern = quoted
    .replaceAll('+', '[^/]*')
    .replace(/(^|\/)#$/, (_, slash) => (slash ? '(?:/.*)?' : '.*'))
  return new RegExp(`^${pattern}$`, 's').test(topic)
}
