/**
 * usage: replay-run.js [--inputs N] [--seed N]: damaged captures through the whole replay, until so many of
 * their packets were damaged; exit 1 where one breaks an invariant. A capture that did is kept, and run first
 * each time. Of a crash .build/fuzz/replay-input.pcap is the cause.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '../root.js'
import {
  type Capture,
  damage,
  flood,
  type Packet,
  readCapture,
  readCaptures,
  writeCapture,
} from './captures.js'
import { Random } from './random.js'
import { Bed, FLOWS_LIMIT } from './replayed.js'

const INPUTS = 100_000
/** Of one input: short enough to be a case, long enough for several flows. */
const MOST_PACKETS = 100
const FLOOD_EVERY = 500
const FAILURES = 3
/** Measured 90 MiB after any number of inputs, garbage collected; a leak of 100 octets a packet shows in a soak. */
const RSS_LIMIT_MIB = 250
const RSS_EVERY = 200

const KEPT = join(root, 'test/fixtures/dpi/fuzz/replay')
const CURRENT = join(root, '.build/fuzz/replay-input.pcap')

interface Input {
  readonly linkType: number
  readonly packets: readonly Packet[]
  readonly changes: number
}

function keep({ linkType, packets }: Input): string {
  const file = writeCapture(linkType, packets)
  const name = createHash('sha256').update(file).digest('hex').slice(0, 16)
  mkdirSync(KEPT, { recursive: true })
  writeFileSync(join(KEPT, `${name}.pcap`), file)
  return relative(root, join(KEPT, `${name}.pcap`))
}

function keptInputs(): Input[] {
  const names = existsSync(KEPT) ? readdirSync(KEPT).sort() : []
  return names.map((name) => ({ ...readCapture(join(KEPT, name)), changes: 0 }))
}

function* inputs(captures: readonly Capture[], random: Random): Generator<Input> {
  for (let number = 1; ; number++) {
    const capture = random.pick(captures)
    const { linkType } = capture
    const isFlood = number % FLOOD_EVERY === 0
    const flooded = isFlood ? { packets: flood(capture, FLOWS_LIMIT * 2), changes: 1 } : null
    yield { linkType, ...(flooded ?? damage(capture, MOST_PACKETS, random)) }
  }
}

class Run {
  readonly failures: string[] = []
  changes = 0
  captures = 0
  packets = 0

  constructor(private readonly bed: Bed) {}

  async take(input: Input): Promise<void> {
    writeFileSync(CURRENT, writeCapture(input.linkType, input.packets))
    const why = (await this.bed.broken(input.linkType, input.packets)) ?? this.#fat()
    this.captures++
    this.changes += input.changes
    this.packets += input.packets.length
    if (why !== null) this.failures.push(`${keep(input)}: ${why}`)
  }

  #fat(): string | null {
    if (this.captures % RSS_EVERY !== 0) return null
    // With --expose-gc: what is left is in use.
    globalThis.gc?.()
    const mib = process.memoryUsage.rss() / 2 ** 20
    return mib > RSS_LIMIT_MIB ? `the process has grown to ${mib.toFixed(0)} MiB` : null
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { inputs: { type: 'string' }, seed: { type: 'string' } },
  })
  const wanted = Number(values.inputs ?? INPUTS)
  const seed = Number(values.seed ?? Date.now() % 2 ** 32)
  if (!(wanted > 0) || !Number.isInteger(seed)) {
    console.error('usage: replay-run.js [--inputs N] [--seed N]')
    return 2
  }
  console.log(`fuzz replay: seed ${seed}`)
  mkdirSync(join(root, '.build/fuzz'), { recursive: true })
  const bed = await Bed.open()
  const run = new Run(bed)
  for (const input of keptInputs()) await run.take(input)
  for (const input of inputs(readCaptures(), new Random(seed))) {
    if (run.changes >= wanted || run.failures.length >= FAILURES) break
    await run.take(input)
  }
  const { failures, changes, captures, packets } = run
  if (captures > FLOOD_EVERY && bed.counter('flow_table_full') === 0)
    failures.push('the flow table was never full: its limit was not tried')
  for (const failure of failures) console.error(`fuzz replay: ${failure}`)
  const mib = (process.memoryUsage.rss() / 2 ** 20).toFixed(0)
  console.log(
    `fuzz replay: ${changes} damaged packets, ${packets} packets in ${captures} captures, ` +
      `${failures.length} failures, ${mib} MiB, seed ${seed}`,
  )
  return failures.length > 0 ? 1 : 0
}

process.exitCode = await main()
