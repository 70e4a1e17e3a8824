/** `npm run bench -- [--rounds N] [--only WORKLOAD,…] [--paths PATH,…] [--quick] [--from FILE]` */
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { PATH_NAMES, type PathName } from './paths.js'

/** How long each measurement takes, and how much of what grows there is. */
export interface Effort {
  readonly seconds: number
  readonly redisRequests: number
  readonly datagrams: number
  readonly endpoints: readonly number[]
  readonly liveFlows: number
  readonly restSeconds: number
}

const WHOLE: Effort = {
  seconds: 2,
  redisRequests: 50_000,
  datagrams: 100_000,
  endpoints: [1, 50, 500],
  liveFlows: 100_000,
  restSeconds: 20,
}

const QUICK: Effort = {
  seconds: 1,
  redisRequests: 10_000,
  datagrams: 20_000,
  endpoints: [1, 10],
  liveFlows: 10_000,
  restSeconds: 3,
}

export interface BenchArguments {
  readonly rounds: number
  readonly only: readonly string[]
  readonly paths: readonly PathName[]
  readonly effort: Effort
  /** Nothing is measured: a result that was kept is printed and drawn again. */
  readonly from: string | null
}

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const ROUNDS = 5
const roundsSchema = z.coerce.number().int().min(1).max(1000)

/** Plain is always among the paths: it is what the others are compared with. */
export function readArguments(
  words: readonly string[],
  workloads: readonly string[],
): BenchArguments {
  const { rounds, only, paths, quick, from } = parse(words)
  const chosen = paths === undefined ? PATH_NAMES : listOf('path', paths, PATH_NAMES)
  return {
    rounds: readRounds(rounds ?? String(quick === true ? 1 : ROUNDS)),
    only: only === undefined ? workloads : listOf('workload', only, workloads),
    paths: PATH_NAMES.filter((path) => path === 'plain' || chosen.includes(path)),
    effort: quick === true ? QUICK : WHOLE,
    from: from ?? null,
  }
}

function parse(words: readonly string[]) {
  const options = {
    rounds: { type: 'string' },
    only: { type: 'string' },
    paths: { type: 'string' },
    quick: { type: 'boolean' },
    from: { type: 'string' },
  } as const
  try {
    return parseArgs({ args: [...words], options }).values
  } catch (error) {
    throw new UsageError(String(error instanceof Error ? error.message : error))
  }
}

function readRounds(word: string): number {
  const rounds = roundsSchema.safeParse(word)
  if (!rounds.success) throw new UsageError(`--rounds ${word}: write a number from 1 to 1000`)
  return rounds.data
}

function listOf<Name extends string>(
  what: string,
  words: string,
  known: readonly Name[],
): readonly Name[] {
  return words.split(',').map((word) => {
    const name = known.find((candidate) => candidate === word)
    if (name === undefined) {
      throw new UsageError(`no ${what} ${JSON.stringify(word)}: one of ${known.join(', ')}`)
    }
    return name
  })
}
