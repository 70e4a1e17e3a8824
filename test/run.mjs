// The whole suite, from lint to guest: `node test/run.mjs [--soak] [STEP…]`. Prints one line a step,
// the output of what failed, and closes with the count.
import { readFileSync } from 'node:fs'
import { root } from './suite/command.mjs'
import { remarks, total } from './suite/report.mjs'
import { stepsOf } from './suite/steps.mjs'

process.chdir(root)
const isSoak = process.argv.includes('--soak')
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const isAlone = wanted.length > 0 && wanted.every((name) => name === 'build' || name === 'fuzz')
const steps = stepsOf({ isSoak, isAlone })
/** Built for others, and so whenever one of these is asked for. */
const BUILT_FOR = { 'native build': ['native', 'differential'], 'fuzz build': ['fuzz'] }
/** In a soak it has both. */
const PART_OF = { 'guest differential': ['guest'] }

/**
 * One round after the other, the lanes of one side by side, each step by step. What uses one processor, as
 * most checks and the bundler, has another beside it; the emulated machine has one processor's work. Of the
 * system's tests some tell what time something may take: nothing beside them.
 */
const BUILDS = [[['build'], ['check', 'native build']]]
const TESTS = [[['native', 'differential', 'clients', 'unit'], ['guest']], [['system']]]

function isWanted(name) {
  const names = [name, ...(BUILT_FOR[name] ?? []), ...(PART_OF[name] ?? [])]
  return wanted.length === 0 || names.some((one) => wanted.includes(one))
}

/** false = what follows can't be tried. */
async function walk(lane, others) {
  for (const name of lane) if (isWanted(name) && (await steps[name](others)) === false) return false
  return true
}

async function walkAll(rounds) {
  for (const round of rounds) {
    const passed = await Promise.all(round.map((lane) => walk(lane)))
    if (passed.includes(false)) return false
  }
  return true
}

if (await walkAll(BUILDS)) {
  const tests = walkAll(TESTS)
  // In the time that the tests leave.
  const fuzzing = walk(['fuzz build', 'fuzz'], tests)
  await Promise.all([tests, fuzzing, walk(['guest differential'])])
}
const version = JSON.parse(readFileSync('package.json', 'utf8')).version
for (const remark of remarks) console.log(remark)
console.log(`vethwall ${version} on ${process.platform} ${process.version}`)
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exit(total.failed === 0 ? 0 : 1)
