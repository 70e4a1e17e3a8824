/** With SOAK=1: tables that MariaDB's audit log names after pipelined commands are told, in their order. */
import t from 'tap'
import { Random } from '../../../fuzz/random.js'
import { commands, MysqlCommands, untouched } from './mysql-commands.js'
import { AuditLog, SCHEMA } from './mysql-executed.js'
import { MysqlServer } from './mysql-server.js'
import { command, loginOf, MULTI_STATEMENTS, MysqlSession, QUERY } from './mysql-session.js'

const CASES = 5_000
const SESSION_CASES = 10

t.test(
  'MariaDB',
  { timeout: 3_600_000, skip: process.env.SOAK !== '1' && 'with SOAK=1 only' },
  async (t) => {
    const server = await MysqlServer.startFor(t)
    const root = await MysqlSession.open(server.socket, MULTI_STATEMENTS, 33, 'mysql')
    for (const text of SCHEMA) await root.say(command(QUERY, text))
    root.end()
    const log = new AuditLog(server.log)
    t.teardown(() => log.end())
    let session: MysqlCommands | null = null
    let touched = 0
    for (let seed = 0; seed < CASES; seed++) {
      const random = new Random(seed)
      if (session === null || session.closed || seed % SESSION_CASES === 0) {
        session?.end()
        const flags = random.below(3) > 0 ? MULTI_STATEMENTS : 0
        session = await MysqlCommands.open(server.socket, loginOf(flags, 33, 'shop'))
      }
      log.read()
      const octets = commands(random)
      const facts = await session.exchange(octets)
      const events = log.read()
      if (session.closed || session.inspection.state !== 'parsing') {
        session.end()
        session = null
        continue
      }
      if (events !== '') touched++
      const missing = untouched(facts, events)
      if (missing !== '') t.equal(missing, '', `seed ${seed}: ${JSON.stringify(octets)}`)
    }
    session?.end()
    t.ok(touched > CASES / 4, `${touched} of ${CASES} touched tables`)
  },
)
