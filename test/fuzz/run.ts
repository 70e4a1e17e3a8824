/** usage: run.js TARGET [--seconds N] [--seed N]; exit 1 where an input breaks an invariant. */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '../root.js'
import { type Conversation, writeConversation } from './conversation.js'
import { broken } from './invariants.js'
import { mutate } from './mutate.js'
import { carried } from './quic-frames.js'
import { Random } from './random.js'
import { keptFolder, keptInputs, readSeeds, TARGETS } from './seeds.js'
import { wordsOf } from './words.js'

const SECONDS = 30
/** Inputs that follow from one fault are alike: the first few tell it. */
const FAILURES = 3

interface Failure {
  readonly file: string
  readonly why: string
}

function keep(target: string, input: Conversation): string {
  const text = writeConversation(input)
  const name = createHash('sha256').update(text).digest('hex').slice(0, 16)
  const file = join(keptFolder(target), `${name}.octets`)
  mkdirSync(keptFolder(target), { recursive: true })
  writeFileSync(file, text)
  return relative(root, file)
}

function fuzz(
  target: string,
  seconds: number,
  seed: number,
): { inputs: number; failures: Failure[] } {
  const random = new Random(seed)
  const seeds = readSeeds().of(target)
  const words = wordsOf(target, seeds)
  const failures: Failure[] = []
  const until = Date.now() + seconds * 1_000
  let inputs = 0
  const known = [...keptInputs(target), ...seeds.map((input) => ['a seed', input] as const)]
  for (const [file, input] of known) {
    inputs++
    const why = broken(carried(target, input), random)
    if (why !== null) failures.push({ file, why })
  }
  while (Date.now() < until && failures.length < FAILURES) {
    inputs++
    const input = mutate(random.pick(seeds), seeds, words, random)
    const why = broken(carried(target, input), random)
    if (why !== null) failures.push({ file: keep(target, input), why })
  }
  return { inputs, failures }
}

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { seconds: { type: 'string' }, seed: { type: 'string' } },
  })
  const target = TARGETS.find((name) => name === positionals[0])
  const seconds = Number(values.seconds ?? SECONDS)
  const seed = Number(values.seed ?? Date.now() % 2 ** 32)
  if (target === undefined || !(seconds > 0) || !Number.isInteger(seed)) {
    console.error(`usage: run.js ${TARGETS.join('|')} [--seconds N] [--seed N]`)
    return 2
  }
  const { inputs, failures } = fuzz(target, seconds, seed)
  for (const { file, why } of failures) console.error(`fuzz ${target}: ${file}: ${why}`)
  console.log(
    `fuzz ${target}: ${inputs} inputs, ${failures.length} failures, ${seconds} s, seed ${seed}`,
  )
  return failures.length > 0 ? 1 : 0
}

process.exitCode = main()
