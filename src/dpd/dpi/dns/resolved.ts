/** What stands for a name by a response to the question for it (RFC 1034 §3.6.2, RFC 9460 §3). */
import type { Resolved } from '../../../core/inspect/contract.js'
import { CLASS_IN, Opcode, RRType } from './code.js'
import type { Answer, Message } from './message.js'

/** Aliases one after another; resolvers themselves follow no more (BIND: 16). */
const ALIASES = 16
/** A TTL with the top bit is 0 (RFC 2181 §8). */
const TTL_MAX_SECONDS = 2 ** 31 - 1

/**
 * A query that can be answered with addresses. Unbound repeats the records of one that has some, or that it doesn't
 * know the opcode of: what the opener wrote itself teaches nothing, whatever the response code.
 */
export function asksForName({ header, questions }: Message): boolean {
  const { opcode, answers, authorities } = header
  const [question] = questions
  const isPlain = opcode === Opcode.query && answers + authorities === 0
  return isPlain && questions.length === 1 && question?.class === CLASS_IN
}

/**
 * Only records that the chain of aliases from the question's name leads to: what else a response holds
 * answers nothing. null = no address.
 */
export function resolvedOf({ header, questions, answers }: Message): Resolved | null {
  const [question] = questions
  if (question === undefined || questions.length > 1 || header.opcode !== Opcode.query) return null
  const addresses = new Set<string>()
  let ttlSeconds = Number.POSITIVE_INFINITY
  let owner: string | undefined = question.name
  for (let step = 0; step <= ALIASES && owner !== undefined; step++) {
    const records: readonly Answer[] = answers.filter(
      (answer) => answer.name === owner && answer.class === CLASS_IN,
    )
    const alias = records.find(isAlias)
    for (const record of records) {
      const found = addressesOf(record)
      for (const address of found) addresses.add(address)
      if (found.length > 0 || record === alias) ttlSeconds = Math.min(ttlSeconds, lifeOf(record))
    }
    owner = alias === undefined ? undefined : targetOf(alias)
  }
  if (addresses.size === 0) return null
  return { name: question.name, addresses: [...addresses], ttlSeconds }
}

const lifeOf = ({ ttlSeconds }: Answer): number => (ttlSeconds > TTL_MAX_SECONDS ? 0 : ttlSeconds)

const isAlias = ({ type, service }: Answer): boolean =>
  type === RRType.cname || service?.priority === 0

const targetOf = ({ text, service }: Answer): string => service?.target ?? text

function addressesOf({ type, text, service }: Answer): readonly string[] {
  if (type === RRType.a || type === RRType.aaaa) return [text]
  return service !== undefined && service.priority > 0 ? service.hints : []
}
