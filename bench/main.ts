/**
 * What vethwall costs, as ratios to plain veth behind the same bridge plugin in the same run. Tables on
 * standard output, progress on standard error, every sample and a chart in bench/results/.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { root } from '../test/root.js'
import { type BenchArguments, readArguments, UsageError } from './arguments.js'
import { chart } from './chart.js'
import { goalTable } from './goals.js'
import { watchMachine } from './machine.js'
import { pathRounds } from './path-rounds.js'
import { PATHS } from './paths.js'
import { type Result, resultSchema } from './result.js'
import { Interrupted, Sheet } from './sheet.js'
import { machineLine, resultTables } from './table.js'
import { NODE_WORKLOADS, PATH_WORKLOADS } from './workloads/all.js'

const WORKLOADS = [...PATH_WORKLOADS, ...NODE_WORKLOADS]

async function measureAll(chosen: BenchArguments, sheet: Sheet): Promise<void> {
  const isChosen = ({ name }: { readonly name: string }): boolean => chosen.only.includes(name)
  const ofPaths = PATH_WORKLOADS.filter(isChosen)
  if (ofPaths.length > 0) await pathRounds(ofPaths, chosen, sheet)
  for (const workload of NODE_WORKLOADS.filter(isChosen)) {
    if (sheet.isInterrupted) return
    process.stderr.write(`bench: ${workload.name}\n`)
    await workload
      .run(sheet, chosen.effort, chosen.rounds)
      .catch((error: unknown) => sheet.fail(workload.name, '', error))
  }
}

/** Once more, and it ends at once. */
async function measure(chosen: BenchArguments): Promise<Sheet> {
  const sheet = new Sheet()
  const interrupt = () => {
    process.stderr.write('bench: interrupted: cleans up, keeps what there is\n')
    sheet.interrupt()
  }
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  await measureAll(chosen, sheet).catch((error: unknown) => {
    if (!(error instanceof Interrupted)) throw error
    sheet.fail('', '', error)
  })
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  return sheet
}

async function run(chosen: BenchArguments): Promise<Result> {
  const startedAt = new Date()
  const machine = watchMachine()
  const { rows, failures } = await measure(chosen)
  return {
    format: 1,
    startedAt: startedAt.toISOString(),
    tookSeconds: (Date.now() - startedAt.getTime()) / 1000,
    machine: machine(),
    rounds: chosen.rounds,
    rows,
    failures,
  }
}

/** Two files of one name: the samples, and the chart made of them. */
function keep(result: Result): void {
  const folder = join(root, 'bench', 'results')
  mkdirSync(folder, { recursive: true })
  const at = result.startedAt.slice(0, 16).replace(':', '')
  const file = join(folder, `${at}-${result.machine.commit}.json`)
  writeFileSync(file, `${JSON.stringify(result, null, 1)}\n`)
  draw(result, file)
}

function draw(result: Result, file: string): void {
  const image = file.replace(/\.json$/, '.svg')
  writeFileSync(image, chart(result))
  console.log(`\nsamples: ${relative(root, file)}, chart: ${relative(root, image)}`)
}

function print(result: Result): void {
  const goals = goalTable(result)
  console.log(machineLine(result))
  console.log(`\n${resultTables(result)}`)
  if (goals !== null) console.log(`\n${goals}`)
}

function usage(): string {
  const list = (named: readonly (readonly [string, string])[]): string =>
    named.map(([name, about]) => `  ${name.padEnd(16)} ${about}`).join('\n')
  return [
    'usage: npm run bench -- [--rounds N] [--only WORKLOAD,…] [--paths PATH,…] [--quick]',
    '       npm run bench -- --from bench/results/FILE.json',
    `workloads:\n${list(WORKLOADS.map(({ name, about }) => [name, about] as const))}`,
    `paths:\n${list(Object.entries(PATHS))}`,
  ].join('\n')
}

async function main(): Promise<void> {
  const names = WORKLOADS.map(({ name }) => name)
  const chosen = readArguments(process.argv.slice(2), names)
  if (chosen.from !== null) {
    const file = resolve(chosen.from)
    const result = resultSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
    print(result)
    return draw(result, file)
  }
  const result = await run(chosen)
  print(result)
  keep(result)
  if (result.failures.length > 0) process.exitCode = 1
}

try {
  await main()
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`bench: ${error.message}\n${usage()}`)
  process.exitCode = 2
}
