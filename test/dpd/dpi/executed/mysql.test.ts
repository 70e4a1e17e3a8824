/** With SOAK=1: tables that MariaDB's audit log names, and verbs that it counts, are told. */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Random } from '../../../fuzz/random.js'
import { AuditLog, executed, SCHEMA } from './mysql-executed.js'
import { MysqlServer } from './mysql-server.js'
import { command, MULTI_STATEMENTS, MysqlSession, QUERY } from './mysql-session.js'
import { damaged, statement } from './sql-statement.js'
import { untold } from './told.js'

const CASES = Number(process.env.CASES ?? 3_000)
const SESSION_CASES = 200
/** Would end the server, or wait for another. */
const STOPS = /\b(?:kill|shutdown|backup|reset|purge)\b/i
const MODES = [
  '',
  '',
  'ANSI_QUOTES',
  'NO_BACKSLASH_ESCAPES',
  'ORACLE',
  'PIPES_AS_CONCAT,IGNORE_SPACE',
]
/** Collations of utf8mb3, utf8mb4, latin1, gbk and sjis. */
const CHARSETS = [33, 45, 8, 28, 13]

async function makeTables({ socket, data }: MysqlServer): Promise<void> {
  // A trigger's file may outlive its table, and the folder with it.
  for (const folder of ['shop', 's'].map((name) => join(data, name)).filter(existsSync)) {
    for (const file of readdirSync(folder).filter((name) => /\.TR.$/.test(name))) {
      rmSync(join(folder, file))
    }
  }
  const root = await MysqlSession.open(socket, MULTI_STATEMENTS, 33, 'mysql')
  for (const text of SCHEMA) await root.say(command(QUERY, text))
  root.end()
}

async function openSession(random: Random, socket: string): Promise<MysqlSession> {
  const flags = random.below(3) > 0 ? MULTI_STATEMENTS : 0
  const session = await MysqlSession.open(socket, flags, random.pick(CHARSETS))
  await session.say(command(QUERY, "prepare p1 from 'select x from d'"))
  await session.say(command(QUERY, `set sql_mode = '${random.pick(MODES)}'`))
  return session
}

t.test(
  'MariaDB',
  { timeout: 3_600_000, skip: process.env.SOAK !== '1' && 'with SOAK=1 only' },
  async (t) => {
    const server = await MysqlServer.startFor(t)
    const log = new AuditLog(server.log)
    t.teardown(() => log.end())
    let session: MysqlSession | null = null
    let [isStale, left, count] = [true, 0, 0]
    for (let seed = 0; seed < CASES; seed++) {
      const random = new Random(seed)
      if (left-- <= 0 || session === null) {
        session?.end()
        if (isStale) await makeTables(server)
        session = await openSession(random, server.socket)
        ;[isStale, left] = [false, SESSION_CASES]
      }
      const whole = Buffer.from(statement(random, 'mysql'), 'utf8').toString('latin1')
      const text = random.below(100) < 30 ? damaged(random, whole) : whole
      if (STOPS.test(text)) continue
      const one = { text, prepared: random.below(100) < 15 }
      const { told, did, changes } = await executed(session, log, one)
      if (changes.schema) isStale = true
      if (changes.schema || changes.session || did === null) left = 0
      if (did === null || session.inspection.state === 'malformed') {
        left = 0
        continue
      }
      if (did.tables.length > 0 || did.verbs.length > 0) count++
      const missing = untold(told, did)
      if (missing !== '') t.equal(missing, '', `seed ${seed}: ${JSON.stringify(text)}`)
    }
    session?.end()
    t.ok(count > CASES / 4, `${count} of ${CASES} executed`)
  },
)
