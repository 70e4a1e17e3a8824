/** Messages sent to a real PostgreSQL, what it did by its notices, and what was told of the same octets. */
import type { Fact, Fields } from '../../../../src/core/inspect/contract.js'
import { END } from './postgresql-messages.js'
import type { PostgresqlSession, ServerMessage } from './postgresql-session.js'

interface Asked {
  readonly tx: number
  /** Of the message. */
  readonly type: string
  readonly begin: number
  readonly verb: string
  readonly tables: readonly string[]
  readonly ambiguous: readonly string[]
}

const listOf = (value: unknown): readonly string[] => (Array.isArray(value) ? value : [])

function asked(tx: number, begin: number, type: string, fields: Fields): Asked {
  const { verb, tables, ambiguous } = fields
  return {
    ...{ tx, begin, type, verb: String(verb ?? '') },
    ...{ tables: listOf(tables), ambiguous: listOf(ambiguous) },
  }
}

/** An Execute has ended, or COPY begins. */
const ANSWERS = /[CEIsGH]/

/** `flushed` is answered before `octets` are sent: as far as END has been, or the connection ended. */
export async function exchange(session: PostgresqlSession, flushed: string, octets: string) {
  const from = session.sentOctets
  const isAnswer = ({ type }: ServerMessage): boolean => ANSWERS.test(type)
  const first =
    flushed === ''
      ? { facts: [], messages: [] }
      : await session.sayUntil(flushed, (said) => said.some(isAnswer))
  const then = await session.sayUntil(octets + END, (said) => {
    const end = said.findIndex(({ type }) => type === 'I')
    return end >= 0 && said.slice(end).some(({ type }) => type === 'Z')
  })
  const sent = flushed + octets + END
  return {
    messages: [...first.messages, ...then.messages],
    facts: [...first.facts, ...then.facts],
    typeAt: (at: number) => sent[at - from] ?? '?',
  }
}

/** '' = what it did was told, in its order, and no answer was given to another statement. */
export function difference(
  facts: readonly Fact[],
  messages: readonly ServerMessage[],
  typeAt: (at: number) => string,
): string {
  const all = facts.flatMap((fact) =>
    fact.kind === 'tx' && fact.dir === 'orig'
      ? [asked(fact.tx, fact.begin, typeAt(fact.begin), fact.fields)]
      : [],
  )
  const executed = all.filter(({ type }) => type !== 'P')
  return undone(executed, messages) || misplaced(all, facts)
}

function undone(executed: readonly Asked[], messages: readonly ServerMessage[]): string {
  let at = 0
  for (const { type, body } of messages) {
    const deed = type === 'N' ? /did ([A-Z]+) (\w+)/.exec(body) : null
    if (deed === null) continue
    const [, verb = '', table = ''] = deed
    const found = executed.findIndex((one, i) => i >= at && tells(one, verb, table))
    if (found < 0) return `${verb} ${table} is not told`
    at = found
  }
  return ''
}

function tells({ verb, tables, ambiguous, type }: Asked, did: string, table: string): boolean {
  if (ambiguous.includes('verb') || type === 'F') return true
  const isVerb = verb === did || /^(?:FETCH|EXECUTE|COPY|UPDATE|INSERT|CALL)$/.test(verb)
  return isVerb && (ambiguous.includes('tables') || tables.includes(table) || verb === 'FETCH')
}

const TAGS: Readonly<Record<string, string>> = {
  COMMIT: '',
  ABORT: 'ROLLBACK',
  END: 'COMMIT',
  EXECUTE: '',
}

function misplaced(all: readonly Asked[], facts: readonly Fact[]): string {
  for (const fact of facts) {
    if (fact.kind !== 'tx' || fact.dir !== 'reply') continue
    const { tag } = fact.fields
    const one = all.find(({ tx }) => tx === fact.tx)
    if (one === undefined || typeof tag !== 'string' || one.ambiguous.includes('verb')) continue
    const candidates = all.filter(({ begin }) => begin === one.begin)
    if (one.type === 'E' && candidates.length > 1) continue
    const expected = TAGS[one.verb] ?? one.verb
    if (!tag.startsWith(expected) && one.verb !== 'PREPARE' && one.verb !== 'DECLARE') {
      if (!candidates.some(({ verb }) => /^(?:PREPARE|DECLARE|COPY)$/.test(verb))) {
        return `${one.verb} at ${one.begin} is answered ${tag}`
      }
    }
  }
  return ''
}
