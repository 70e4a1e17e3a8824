/** TAP programs, some at a time: a file each, or some files in one process. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow } from './command.mjs'
import { report, reported, tapCounts } from './report.mjs'

const TESTS = '.build/test'
/** Of a minute or more, and what else is long in its step: begun first, so that none is the last alone. */
const LONG = [
  'system/conformance',
  'system/faults/errnos',
  'system/concurrency',
  'system/drift',
  'system/faults/killed',
  'system/chains',
  'system/swap/faults',
  'bench/score/main',
]
/** Node and tap take half a second of CPU to start: three times what most files compute. */
const FILES_TOGETHER = 12
/** What is said of the whole program, as is a time limit or what comes after it, is not to be said of others. */
const SAID_OF_ALL = /^t\.(setTimeout|teardown)\b/m
const ALL_READ = /^ok \d+ - all files were read/m

const nameOf = (file) => file.slice(TESTS.length + 1).replace(/\.test\.js$/, '')

function longFirst(files) {
  const isLong = (file) => LONG.includes(nameOf(file))
  return [...files.filter(isLong), ...files.filter((file) => !isLong(file))]
}

function together(files) {
  const isAlone = (file) =>
    LONG.includes(nameOf(file)) || SAID_OF_ALL.test(readFileSync(file, 'utf8'))
  const others = files.filter((file) => !isAlone(file))
  const batches = []
  while (others.length > 0) batches.push(others.splice(0, FILES_TOGETHER))
  return [...files.filter(isAlone).map((file) => [file]), ...batches]
}

export async function inParallel(left, jobs, take) {
  const worker = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await take(one)
  }
  await Promise.all(Array.from({ length: jobs }, worker))
}

function runBatch(batch, env) {
  if (batch.length === 1) {
    const args = ['--enable-source-maps', ...batch]
    return reported(nameOf(batch[0]), 'node', args, ({ text }) => tapCounts(text), { env })
  }
  const first = nameOf(batch[0])
  const name = `${first} … ${nameOf(batch.at(-1))}, ${batch.length} files`
  const args = ['--enable-source-maps', 'test/suite/together.mjs', first]
  const countsOf = ({ text }) => {
    const counts = tapCounts(text)
    return ALL_READ.test(text) ? counts : { ...counts, failed: Math.max(1, counts.failed) }
  }
  return reported(name, 'node', args, countsOf, { env: { ...env, FILES: batch.join(' ') } })
}

/** `jobs` processes at a time; `areTogether`: files that only compute share them. */
export async function tapFiles(name, folders, { jobs, isSoak, areTogether = false }) {
  const found = folders.flatMap((folder) => filesBelow(join(TESTS, folder), /\.test\.js$/))
  const files = longFirst(found)
  if (files.length === 0) {
    const result = { status: 1, text: `no test files below ${folders}`, file: '' }
    report(name, '0 s', result, { total: 0, passed: 0, failed: 0, skipped: 0 })
  }
  const env = { TAP_TIMEOUT: '300', SOAK: isSoak ? '1' : '0' }
  console.log(`# ${name}`)
  const batches = areTogether ? together(files) : files.map((file) => [file])
  await inParallel(batches, jobs, (batch) => runBatch(batch, env))
}
