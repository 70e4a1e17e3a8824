/** Commands from a seed, many at once, to a real MariaDB; what they touched by its audit log, and what was told. */
import type { Fact } from '../../../../src/core/inspect/contract.js'
import type { Random } from '../../../fuzz/random.js'
import { command, EXECUTE, PREPARE, packet, QUERY, u32 } from './mysql-session.js'
import { SeenConnection } from './seen-connection.js'

const TABLES = ['a', 'b', 'c', 'd', 's.a']
const SEND_LONG_DATA = 0x18
const CLOSE = 0x19
const RESET = 0x1a
const SET_OPTION = 0x1b
const FETCH = 0x1c
const RESET_CONNECTION = 0x1f
const INIT_DB = 2

function deed(random: Random): string {
  const [table, other] = [random.pick(TABLES), random.pick(TABLES)]
  return random.pick([
    `select x from ${table}`,
    `insert into ${table} values (1, 'x')`,
    `delete from ${table} where x = 5`,
    `select '\\' as y from ${table} -- ' as y from ${other}`,
    `select '\xbf\\' from ${table} -- ' from ${other}`,
    `delete from ${table} where y = "\\" or y = '" -- '`,
  ])
}

const SETTINGS = [
  "set sql_mode = 'NO_BACKSLASH_ESCAPES'",
  "set sql_mode = ''",
  "set sql_mode = 'NO_BACKSLASH_ESCAPES', password for nobody = password('x')",
  "set sql_mode = '', password for nobody = password('x')",
  "set sql_mode = 'ANSI_QUOTES'",
  'set names gbk',
  'set names utf8',
  ...['use s', 'use shop', 'use nowhere', "execute immediate 'use s'", "prepare p from 'use shop'"],
  ...['execute p', 'set statement max_statement_time = 5 for use s', 'begin', 'rollback', 'selec'],
  "begin not atomic execute immediate 'use s'; end",
]

function text(random: Random): string {
  const all = [random.below(3) > 0 ? deed(random) : random.pick(SETTINGS)]
  if (random.below(6) === 0) all.push(deed(random))
  if (random.below(6) === 0) all.push(`select '\\' ; delete from ${random.pick(TABLES)}; -- '`)
  if (random.below(6) === 0) all.push(`select '\\'' ; delete from ${random.pick(TABLES)}; -- '`)
  return all.join('; ')
}

function number(random: Random): string {
  return u32(random.below(3) === 0 ? 0xffffffff : 1 + random.below(8))
}

export function commands(random: Random): string {
  let octets = ''
  for (let left = 1 + random.below(6); left > 0; left--) octets += one(random)
  return octets
}

function one(random: Random): string {
  const kind = random.below(100)
  if (kind < 45) return command(QUERY, text(random))
  if (kind < 60) return command(PREPARE, random.below(4) > 0 ? deed(random) : random.pick(SETTINGS))
  if (kind < 82) return command(EXECUTE, `${number(random)}\0\x01\0\0\0`)
  if (kind < 85) return command(CLOSE, number(random))
  if (kind < 87) return command(RESET, number(random))
  if (kind < 89) return command(FETCH, number(random) + u32(1))
  if (kind < 90) return command(SEND_LONG_DATA, `${number(random)}\0\0x`)
  if (kind < 92) return command(SET_OPTION, random.pick(['\0\0', '\x01\0']))
  if (kind < 94) return command(RESET_CONNECTION, '')
  return command(INIT_DB, random.pick(['s', 'shop', 'nowhere']))
}

/** Row, then EOF. */
const END = 'the end'
const EOF_OCTETS = 9

export class MysqlCommands extends SeenConnection {
  /** The login does not wait for the greeting. */
  static async open(path: string, login: string): Promise<MysqlCommands> {
    const session = new MysqlCommands(path)
    await session.exchange(packet(1, login))
    return session
  }

  async exchange(octets: string): Promise<readonly Fact[]> {
    this.facts = []
    this.rest = ''
    this.send(octets + command(QUERY, `select '${END}'`))
    await this.until(() => {
      // Its first place is the name of the column.
      const at = this.rest.lastIndexOf(END)
      const isRow = at >= 0 && this.rest.indexOf(END) < at
      return isRow && this.rest.length >= at + END.length + EOF_OCTETS
    })
    return this.facts
  }

  protected take(): void {}
}

/** '' = each table that was touched is told, in its order. */
export function untouched(facts: readonly Fact[], events: string): string {
  const told = facts.flatMap((fact) => (fact.kind === 'tx' && fact.dir === 'orig' ? [fact] : []))
  let from = 0
  for (const [, deed = '', database, table] of events.matchAll(/,(READ|WRITE),(shop|s),(\w+),/g)) {
    const name = `${database}.${table}`
    const at = told.findIndex(({ fields }, i) => i >= from && tells(fields, deed, name))
    if (at < 0) return `${deed} ${name}`
    from = at
  }
  return ''
}

const listOf = (value: unknown): readonly string[] => (Array.isArray(value) ? value : [])

function tells(fields: Readonly<Record<string, unknown>>, deed: string, name: string): boolean {
  const ambiguous = listOf(fields.ambiguous)
  if (ambiguous.includes('verb')) return true
  const isVerb = deed === 'READ' ? true : /^(?:INSERT|DELETE)$/.test(String(fields.verb))
  const isNamed = listOf(fields.tables).some((table) => {
    if (table.includes('.')) return table === name
    if (ambiguous.includes('database')) return name.endsWith(`.${table}`)
    return `${fields.database}.${table}` === name
  })
  return isVerb && (isNamed || ambiguous.includes('tables'))
}
