/** What of the commands that Redis executed was not told. */
import { fromLatin1 } from '../../../../src/core/bytes.js'
import type { Fact } from '../../../../src/core/inspect/contract.js'
import { redis } from '../../../../src/dpd/dpi/redis/parser.js'
import type { RedisServer, Words } from './redis-server.js'

interface Told {
  readonly command: string
  readonly subcommand: string
  /** null = not sure. */
  readonly keys: readonly string[] | null
}

export interface Reading {
  readonly told: readonly Told[]
  readonly clause: string | null
}

/** Up to the octet that the parser calls malformed. */
export function readOctets(text: string): Reading {
  const octets = fromLatin1(text)
  const state = redis.open({} as never)
  const facts: Fact[] = []
  let at = 0
  for (;;) {
    const { take, facts: more, next } = redis.step(state, 'orig', octets.subarray(at), at, false)
    facts.push(...more)
    at += take
    if (next.kind === 'malformed') return { told: facts.flatMap(toldBy), clause: next.clause }
    if (next.kind === 'skip' && next.octets !== 'toEnd' && at + next.octets <= octets.length)
      at += next.octets
    else return { told: facts.flatMap(toldBy), clause: null }
    if (at >= octets.length) return { told: facts.flatMap(toldBy), clause: null }
  }
}

function toldBy(fact: Fact): Told[] {
  if (fact.kind !== 'tx' || fact.dir !== 'orig') return []
  const { command, subcommand, keys, ambiguous } = fact.fields
  const isSure = !Array.isArray(ambiguous)
  return [
    {
      command: String(command),
      subcommand: String(subcommand ?? ''),
      keys: isSure && Array.isArray(keys) ? keys : null,
    },
  ]
}

/** '' = all was, or the flow is malformed. In order: each deed is one of those told after the deed before. */
export async function untoldCommand(
  server: RedisServer,
  did: readonly Words[],
  { told, clause }: Reading,
): Promise<string> {
  if (clause !== null) return ''
  let at = 0
  for (const words of did) {
    const name = (words[0] ?? '').toUpperCase()
    const keys = (await server.keysOf(words)) ?? []
    const found = told.findIndex(
      (one, index) => index >= at && one.command === name && hasKeys(one, keys),
    )
    if (found < 0) return JSON.stringify(words)
    at = found + 1
  }
  return ''
}

const hasKeys = ({ keys }: Told, needed: readonly string[]): boolean =>
  keys === null || needed.every((key) => keys.includes(key))
