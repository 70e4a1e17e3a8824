/** Sequences of PostgreSQL's messages from a seed: statements, portals, pipelines, COPY, settings and errors. */
import type { Random } from '../../../fuzz/random.js'
import { bind, message, parse, query, SYNC, u16, u32 } from './postgresql-session.js'

/** Every deed says so in a notice: reading by a function, writing by triggers. */
export const SEQUENCE_SCHEMA = `
create function seen(t text) returns int language plpgsql volatile as $$ begin raise notice 'did SELECT %', t; return 1; end $$;
create function tell() returns trigger language plpgsql as $$ begin raise notice 'did % %', tg_op, tg_table_name; return null; end $$;
do $$ declare t text; begin foreach t in array array['a','b','c','d'] loop
  execute 'create table ' || t || ' (x int unique deferrable initially deferred, y text)';
  execute 'create trigger tell after insert or update or delete on ' || t || ' execute function tell()'; end loop; end $$;
`

const TABLES = ['a', 'b', 'c', 'd']
const NAMES = ['', '', 's', 'S', 't']
const PORTALS = ['', '', 'p', 'c']
const FLUSH = message('H', '')
const COPY_DONE = message('c', '')

/** One statement on a table; `other` is what a text does on another one if its strings are read another way. */
function deed(random: Random): string {
  const [table, other] = [random.pick(TABLES), random.pick(TABLES)]
  const read = (of: string): string => `select seen('${of}'), (select count(*) from ${of})`
  return random.pick([
    read(table),
    read(table),
    `insert into ${table} values (${random.below(3)}, 'x')`,
    `update ${table} set y = 'y'`,
    `delete from ${table}`,
    `select '\\', seen($$${table}$$) from ${table} -- ', seen($$${other}$$) from ${other}`,
    `insert into ${table} values (1, '\\'') -- ')`,
    `delete from ${table} where y = '\x83\\' -- '`,
    `delete from ${table} where y = '\\\\' or true`,
  ])
}

const SETTINGS = [
  'set standard_conforming_strings = off',
  'set standard_conforming_strings = on',
  'set local standard_conforming_strings = off',
  "select set_config('standard_conforming_strings', 'off', false)",
  "select set_config('standard_conforming_strings', 'on', true)",
  "update pg_settings set setting = 'off' where name = 'standard_conforming_strings'",
  "set client_encoding = 'sjis'",
  "set client_encoding = 'utf8'",
  'reset all',
]
const SESSION = [
  ...['begin', 'begin', 'commit', 'rollback', 'savepoint v', 'rollback to v', 'release v'],
  ...['deallocate s', 'deallocate "S"', 'deallocate all', 'discard all', 'close c'],
  ...['prepare s as delete from c', 'prepare t as insert into d values (1)', 'execute s'],
  ...["declare c cursor for select seen('d'), (select count(*) from d)", 'fetch c'],
]
const ERRORS = ['select 1 /', 'select 1 / 0', 'delete from nowhere', "select '"]
const COPIES = [
  'copy a (x) from stdin',
  'copy b (x) from stdin',
  "copy (select seen('c'), (select count(*) from c)) to stdout",
]

function text(random: Random): string {
  const kind = random.below(100)
  if (kind < 55) return deed(random)
  if (kind < 67) return random.pick(SETTINGS)
  if (kind < 82) return random.pick(SESSION)
  return kind < 90 ? random.pick(ERRORS) : random.pick(COPIES)
}

function texts(random: Random): string {
  const all = [text(random)]
  while (random.below(4) === 0) all.push(text(random))
  // Behind these a string could swallow it.
  if (random.below(5) === 0) all.push(`select '\\' ; delete from ${random.pick(TABLES)}; --'`)
  if (random.below(5) === 0) all.push(`select '\\'' ; delete from ${random.pick(TABLES)}; --'`)
  return all.join(random.pick(['; ', ';', ' ;\n']))
}

const execute = (portal: string, rows: number): string => message('E', `${portal}\0${u32(rows)}`)
const named = (type: string, random: Random): string =>
  random.below(2) === 0
    ? message(type, `S${random.pick(NAMES)}\0`)
    : message(type, `P${random.pick(PORTALS)}\0`)

function extended(random: Random): string {
  const [name, portal] = [random.pick(NAMES), random.pick(PORTALS)]
  const rows = random.below(4) === 0 ? 1 : 0
  return parse(name, text(random)) + bind(portal, name) + execute(portal, rows)
}

function one(random: Random): string {
  const kind = random.below(100)
  if (kind < 25) return query(texts(random))
  if (kind < 50) return extended(random)
  if (kind < 58) return parse(random.pick(NAMES), text(random))
  if (kind < 66) return bind(random.pick(PORTALS), random.pick(NAMES))
  if (kind < 74) return execute(random.pick(PORTALS), random.below(2))
  if (kind < 78) return named('C', random)
  if (kind < 81) return named('D', random)
  if (kind < 83) return FLUSH
  if (kind < 93) return SYNC
  if (kind < 95) return message('d', random.pick(['7\n', 'bad\n', '8']))
  if (kind < 97) return random.pick([COPY_DONE, message('f', 'no\0')])
  // lo_creat is one that exists: 957; 99 is none.
  return message('F', u32(random.pick([1598, 99])) + u16(0) + u16(0) + u16(0))
}

/** A burst that is sent at once; what ends it makes the server ready, whatever state it was in. */
export function burst(random: Random): string {
  let octets = ''
  for (let left = 1 + random.below(8); left > 0; left--) octets += one(random)
  return octets
}

/** Answered without Sync: its end is an answer to Execute. */
export function flushed(random: Random): string {
  return extended(random) + FLUSH
}

/** An empty query is one in a failed transaction too. */
export const END = COPY_DONE + SYNC + query('')
