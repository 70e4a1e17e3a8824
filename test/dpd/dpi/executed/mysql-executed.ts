/** What MariaDB executed of some octets, by its audit log and counters, compared with what was told of them. */
import { closeSync, openSync, readSync } from 'node:fs'
import type { Fact } from '../../../../src/core/inspect/contract.js'
import { command, EXECUTE, type MysqlSession, PREPARE, QUERY } from './mysql-session.js'
import { type Executed, toldOf } from './told.js'

export const TABLES_OF_SHOP = ['a', 'b', 'c', 'd']
export const SCHEMA = [
  'set foreign_key_checks = 0',
  'drop database if exists shop',
  'drop database if exists s',
  'create database shop',
  'create database s',
  ...TABLES_OF_SHOP.map((name) => `create table shop.${name} (x int, y text, key a_x (x))`),
  'create table s.a (x int, y text, key a_x (x))',
  'create sequence shop.sq',
  'create view shop.vw as select 1 as x',
  'create procedure shop.proc1() delete from shop.a',
  'use shop',
]

/** Counters whose statement begins with another word; of the others the first part is the verb. */
const COUNTED: Readonly<Record<string, readonly string[]>> = {
  select: [
    'SELECT',
    'VALUES',
    'TABLE',
    'EXPLAIN',
    'DESC',
    'DESCRIBE',
    'CALL',
    'DO',
    'SET',
    'WITH',
    'HELP',
  ],
  ha: ['HANDLER'],
  delete: ['DELETE', 'CALL'],
}
const VERBS = new Set(
  'select insert update delete replace create drop alter rename truncate lock ha call load grant revoke do'.split(
    ' ',
  ),
)

/** The log is written before the reply. */
export class AuditLog {
  readonly #file: number
  #at = 0

  constructor(path: string) {
    this.#file = openSync(path, 'r')
  }

  read(): string {
    let text = ''
    const room = Buffer.alloc(65_536)
    for (;;) {
      const octets = readSync(this.#file, room, 0, room.length, this.#at)
      if (octets === 0) return text
      this.#at += octets
      text += room.toString('latin1', 0, octets)
    }
  }

  end(): void {
    closeSync(this.#file)
  }
}

const COUNTERS = command(QUERY, "show session status like 'Com\\_%'")

export interface Case {
  readonly text: string
  readonly prepared: boolean
}

export async function executed(session: MysqlSession, log: AuditLog, { text, prepared }: Case) {
  await session.say(command(QUERY, 'begin'))
  const before = countersOf((await session.say(COUNTERS)).rows)
  log.read()
  const { facts } = await session.say(command(prepared ? PREPARE : QUERY, text))
  const all: Fact[] = [...facts]
  if (prepared && session.error === 0 && !session.closed) {
    const number = String.fromCharCode(
      session.statement & 255,
      (session.statement >> 8) & 255,
      0,
      0,
    )
    all.push(...(await session.say(command(EXECUTE, `${number}\0\x01\0\0\0`))).facts)
  }
  const error = session.error
  const told = toldOf(all)
  if (session.closed) return { told, did: null, changes: { schema: true, session: true }, error }
  const events = log.read()
  const after = countersOf((await session.say(COUNTERS)).rows)
  await session.say(command(QUERY, 'rollback'))
  const verbs = [...after].flatMap(([name, count]) => {
    const verb = name.slice(4).split('_')[0] ?? ''
    if (!VERBS.has(verb) || count === before.get(name)) return []
    return [COUNTED[verb] ?? [verb.toUpperCase()]]
  })
  const tables = tablesOf(events)
  const did: Executed = { tables: [...new Set(tables.map(({ table }) => table))], verbs }
  const changes = {
    schema:
      /,(?:CREATE|ALTER|RENAME|DROP),/.test(events) ||
      /drop|truncate|history|trigger|event/i.test(text),
    session: /lock|flush|handler|\bxa\b|\bset\b|\buse\b|prepare|commit|begin/i.test(text),
  }
  return { told, did, changes, error }
}

function tablesOf(events: string) {
  const found: { table: string }[] = []
  const line =
    /,(?:READ|WRITE|CREATE|ALTER|RENAME|DROP),(shop|s),([^,|\n]+)(?:\|(shop|s)\.([^,\n]+))?,/g
  for (const [, database, table, other, renamed] of events.matchAll(line)) {
    found.push({ table: `${database}.${table}` })
    if (other !== undefined) found.push({ table: `${other}.${renamed}` })
  }
  return found
}

/** A name and a number, each behind its length. */
function countersOf(rows: readonly string[]): Map<string, number> {
  return new Map(
    rows.map((row) => {
      const end = 1 + row.charCodeAt(0)
      return [row.slice(1, end), Number(row.slice(end + 1))]
    }),
  )
}
