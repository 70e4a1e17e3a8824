/** Tables that a real PostgreSQL locks, and verbs that it executes, are told: a seeded sample, longer with SOAK=1. */
import t from 'tap'
import { Random } from '../../../fuzz/random.js'
import { socketDir } from '../../../socket-dir.js'
import { executed, SCHEMA } from './postgresql-executed.js'
import { LOGIN, PostgresqlServer } from './postgresql-server.js'
import { bind, execute, PostgresqlSession, parse, query, SYNC } from './postgresql-session.js'
import { damaged, statement } from './sql-statement.js'
import { untold } from './told.js'

const CASES = process.env.SOAK === '1' ? 60_000 : 400
const ENDS_TRANSACTION = /\b(?:commit|end|rollback|abort)\b/i

/** As octets are: UTF-8, one character each. */
const octetsOf = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

t.test('PostgreSQL', { timeout: 3_600_000 }, async (t) => {
  const server = await PostgresqlServer.start(socketDir(t))
  t.teardown(() => server.stop())
  const open = async () => {
    const session = await PostgresqlSession.open(server.socket, LOGIN)
    await session.say(query('prepare p1 as select x from d'), 1)
    return session
  }
  let session = await PostgresqlSession.open(server.socket, LOGIN)
  const made = await session.say(query(SCHEMA), 1)
  t.same(
    made.messages.filter(({ type }) => type === 'E').map(({ body }) => body),
    [],
    'the tables are there',
  )
  let count = 0
  for (let seed = 0; seed < CASES; seed++) {
    const random = new Random(seed)
    const whole = octetsOf(statement(random, 'postgresql'))
    const text = random.below(100) < 30 ? damaged(random, whole) : whole
    if (ENDS_TRANSACTION.test(text)) continue
    if (session.closed || session.inspection.state === 'malformed' || seed === 0) {
      session.end()
      session = await open()
    }
    const extended = parse('', text) + bind('', '') + execute('') + SYNC
    const { told, did } = await executed(
      session,
      random.below(100) < 20 ? extended : query(text),
      1,
    )
    if (did === null || did.verbs.length === 0) continue
    count++
    const missing = untold(told, did)
    if (missing !== '') t.equal(missing, '', `seed ${seed}: ${JSON.stringify(text)}`)
  }
  session.end()
  t.ok(count > CASES / 3, `${count} of ${CASES} executed`)
})
