/** What a real PostgreSQL does of sequences of messages is told, in its order: a seeded sample, longer with SOAK=1. */
import t from 'tap'
import { Random } from '../../../fuzz/random.js'
import { socketDir } from '../../../socket-dir.js'
import { burst, flushed, SEQUENCE_SCHEMA } from './postgresql-messages.js'
import { difference, exchange } from './postgresql-sequence.js'
import { LOGIN, PostgresqlServer } from './postgresql-server.js'
import { PostgresqlSession, query } from './postgresql-session.js'

const CASES = Number(process.env.CASES ?? (process.env.SOAK === '1' ? 60_000 : 600))
const FROM = Number(process.env.SEED ?? 0)
const SESSION_CASES = 20

t.test('PostgreSQL', { timeout: 3_600_000 }, async (t) => {
  const server = await PostgresqlServer.start(socketDir(t))
  t.teardown(() => server.stop())
  const first = await PostgresqlSession.open(server.socket, LOGIN)
  await first.say(query(SEQUENCE_SCHEMA), 1)
  first.end()
  let session: PostgresqlSession | null = null
  let deeds = 0
  for (let seed = FROM; seed < FROM + CASES; seed++) {
    const random = new Random(seed)
    if (session === null || session.closed || seed % SESSION_CASES === 0) {
      session?.end()
      session = await PostgresqlSession.open(server.socket, LOGIN)
    }
    const early = random.below(4) === 0 ? flushed(random) : ''
    const octets = burst(random)
    const { facts, messages, typeAt } = await exchange(session, early, octets)
    deeds += messages.filter(({ body }) => body.includes('did ')).length
    if (session.inspection.state !== 'parsing') {
      session.end()
      session = null
      continue
    }
    const missing = difference(facts, messages, typeAt)
    if (missing !== '') t.equal(missing, '', `seed ${seed}: ${JSON.stringify(early + octets)}`)
  }
  session?.end()
  t.ok(deeds > CASES / 3, `${deeds} deeds of ${CASES} cases`)
})
