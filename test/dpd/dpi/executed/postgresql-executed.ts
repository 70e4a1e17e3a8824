/** What PostgreSQL executed of some octets, compared with what was told of them. */
import type { Fact } from '../../../../src/core/inspect/contract.js'
import { type PostgresqlSession, query, type ServerMessage } from './postgresql-session.js'
import { type Executed, type Told, toldOf } from './told.js'

export const SCHEMA = `
create schema s;
create type ty as enum ('x'); create domain dom as int;
create table a (x int unique, y text); create index a_x on a (x); create table b (x int unique, y text); create table c (x int unique, y text);
create table d (x int unique, y text, t ty, m dom); create table s.a (x int unique, y text); create index a_x on s.a (x);
create table ${'n'.repeat(63)} (x int, y text);
create table pt (x int) partition by list (x); create statistics st on x, y from a; create sequence sq;
create materialized view mv as select 1 as x; create view vw as select 1 as x;
insert into a values (1, 'x'); insert into b values (1, 'x');
create procedure proc1() language sql as $$ delete from a $$;
create function tell() returns trigger language plpgsql as $$ begin raise notice 'did %', tg_op; return null; end $$;
do $$ declare t text; begin foreach t in array array['a','b','c','d','s.a','${'n'.repeat(63)}'] loop
  execute 'create trigger tell after insert or update or delete on ' || t || ' execute function tell()';
  execute 'create trigger tell_t after truncate on ' || t || ' execute function tell()'; end loop; end $$;
`

const LOCKED = `select distinct n.nspname || '.' || c.relname from pg_locks l join pg_class c on c.oid = l.relation
 join pg_namespace n on n.oid = c.relnamespace where l.pid = pg_backend_pid() and l.locktype = 'relation' and c.relkind in ('r', 'p', 'f', 'm', 'v')
 and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')`

/** Tags of statements that begin with another word. */
const TAGGED: Readonly<Record<string, readonly string[]>> = {
  SELECT: ['SELECT', 'VALUES', 'TABLE', 'CREATE'],
  COMMIT: ['COMMIT', 'END'],
  ROLLBACK: ['ROLLBACK', 'ABORT'],
}
/** Of a trigger: what may have done that. */
const DONE: Readonly<Record<string, readonly string[]>> = {
  INSERT: ['INSERT', 'MERGE', 'COPY'],
  UPDATE: ['UPDATE', 'MERGE', 'INSERT'],
  DELETE: ['DELETE', 'MERGE'],
}

/** In a transaction that is rolled back: its locks name the tables. `times`: how often the server gets ready. */
export async function executed(session: PostgresqlSession, octets: string, times: number) {
  await session.say(query('begin'), 1)
  const { facts, messages } = await session.say(octets, times)
  const told = toldOf(facts as Fact[])
  if (session.closed) return { told, did: null }
  const status = messages.findLast(({ type }) => type === 'Z')?.body ?? ''
  const tables = status === 'T' ? rowsOf((await session.say(query(LOCKED), 1)).messages) : []
  await session.say(query('rollback'), 1)
  const did: Executed = { tables, verbs: verbsOf(messages) }
  return { told, did }
}

function rowsOf(messages: readonly ServerMessage[]): string[] {
  return messages.filter(({ type }) => type === 'D').map(({ body }) => body.slice(6))
}

function verbsOf(messages: readonly ServerMessage[]): (readonly string[])[] {
  return messages.flatMap(({ type, body }): (readonly string[])[] => {
    const verb = type === 'N' ? /did ([A-Z]+)/.exec(body)?.[1] : body.split(/[ \0]/)[0]
    if (verb === undefined || (type !== 'N' && type !== 'C')) return []
    return [(type === 'N' ? DONE[verb] : TAGGED[verb]) ?? [verb]]
  })
}

export type { Told }
