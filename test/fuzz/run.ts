/**
 * usage: run.js TARGET… [--cpu-seconds N] [--seed N], so long for each; exit 1 where an input breaks an invariant.
 * A line for each target that is done.
 */
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
import { keptFolder, keptInputs, readSeeds, type Seeds, TARGETS } from './seeds.js'
import { cpuMs } from './spent.js'
import { wordsOf } from './words.js'

const CPU_SECONDS = 30
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

interface Outcome {
  readonly inputs: number
  readonly failures: readonly Failure[]
  readonly cpuSeconds: number
}

function fuzz(target: string, all: Seeds, cpuSeconds: number, seed: number): Outcome {
  const started = cpuMs()
  const spent = () => (cpuMs() - started) / 1000
  const random = new Random(seed)
  const seeds = all.of(target)
  const words = wordsOf(target, seeds)
  const failures: Failure[] = []
  let inputs = 0
  const known = [...keptInputs(target), ...seeds.map((input) => ['a seed', input] as const)]
  for (const [file, input] of known) {
    inputs++
    const why = broken(carried(target, input), random)
    if (why !== null) failures.push({ file, why })
  }
  while (spent() < cpuSeconds && failures.length < FAILURES) {
    inputs++
    const input = mutate(random.pick(seeds), seeds, words, random)
    const why = broken(carried(target, input), random)
    if (why !== null) failures.push({ file: keep(target, input), why })
  }
  return { inputs, failures, cpuSeconds: spent() }
}

function tell(target: string, { inputs, failures, cpuSeconds }: Outcome, seed: number): void {
  for (const { file, why } of failures) console.error(`fuzz ${target}: ${file}: ${why}`)
  console.log(
    `fuzz ${target}: ${inputs} inputs, ${failures.length} failures, ` +
      `${cpuSeconds.toFixed(2)} CPU s, seed ${seed}`,
  )
}

function main(): number {
  const { values, positionals: targets } = parseArgs({
    allowPositionals: true,
    options: { 'cpu-seconds': { type: 'string' }, seed: { type: 'string' } },
  })
  const cpuSeconds = Number(values['cpu-seconds'] ?? CPU_SECONDS)
  const seed = Number(values.seed ?? Date.now() % 2 ** 32)
  const areKnown = targets.length > 0 && targets.every((name) => TARGETS.includes(name))
  if (!areKnown || !(cpuSeconds > 0) || !Number.isInteger(seed)) {
    console.error(`usage: run.js ${TARGETS.join('|')}… [--cpu-seconds N] [--seed N]`)
    return 2
  }
  const seeds = readSeeds()
  let failures = 0
  for (const target of targets) {
    const outcome = fuzz(target, seeds, cpuSeconds, seed)
    tell(target, outcome, seed)
    failures += outcome.failures.length
  }
  return failures > 0 ? 1 : 0
}

process.exitCode = main()
