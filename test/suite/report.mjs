/** One line a step, the output of what failed, and the count of all. */
import { run } from './command.mjs'

export const total = { passed: 0, failed: 0, skipped: 0 }
/** Said at the end. */
export const remarks = []

/** TAP's closing counts (`# { total: 5, pass: 4, fail: 1, skip: 0 }`), the last of a text. */
export function tapCounts(text) {
  const closing = [...text.matchAll(/^# \{ total: .*\}$/gm)].at(-1)?.[0] ?? ''
  const count = (word) => Number(new RegExp(`${word}: (\\d+)`).exec(closing)?.[1] ?? 0)
  return {
    total: count('total'),
    passed: count('pass'),
    failed: count('fail'),
    skipped: count('skip') + count('todo'),
  }
}

/** The lines of one TAP program that has no closing counts (the C++ tests). */
export function tapLines(text) {
  const lines = text.match(/^(not )?ok \d+.*$/gm) ?? []
  const skipped = lines.filter((line) => /# SKIP/i.test(line)).length
  const failed = lines.filter((line) => line.startsWith('not ok')).length
  return { total: lines.length, passed: lines.length - failed - skipped, failed, skipped }
}

function skipReasons(text) {
  return [...text.matchAll(/^\s*ok \d+ - (.*?) # SKIP (.*)$/gim)].map(
    ([, name, why]) => `${name}: ${why}`,
  )
}

/** `spent` is the time that it took, in words. */
export function report(name, spent, result, counts) {
  const ok = result.status === 0 && counts.failed === 0 && counts.total > 0
  if (!ok && counts.failed === 0) counts.failed = 1
  total.passed += counts.passed
  total.failed += counts.failed
  total.skipped += counts.skipped
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  console.log(
    `${ok ? 'ok    ' : 'FAILED'} ${name}: ${counts.passed} passed, ${counts.failed} failed${skipped} (${spent})`,
  )
  for (const reason of new Set(skipReasons(result.text))) console.log(`       skipped: ${reason}`)
  if (ok) return
  const lines = result.text.split('\n')
  const shown = new Set()
  lines.forEach((line, at) => {
    if (/^\s*not ok|error|Error|ERROR/.test(line))
      for (let i = at - 2; i < at + 12; i++) shown.add(i)
  })
  const wanted =
    shown.size > 0 ? lines.filter((_, at) => shown.has(at)).slice(0, 150) : lines.slice(-60)
  console.log(wanted.map((line) => `    ${line}`).join('\n'))
  console.log(`    whole output: ${result.file}`)
}

/** What counts as one: passed or failed. */
export const asOne = ({ status }) => ({
  total: 1,
  passed: status === 0 ? 1 : 0,
  failed: 0,
  skipped: 0,
})

/** Runs a command and reports what `countsOf` finds in its text. */
export async function reported(name, command, args, countsOf, options = {}) {
  const started = Date.now()
  const result = await run(options.log ?? name, command, args, options)
  const spent = `${((Date.now() - started) / 1000).toFixed(1)} s`
  report(name, spent, result, countsOf(result))
  return result.status === 0
}

/** A command that passes or fails as one. */
export const single = (name, command, args) => reported(name, command, args, asOne)
