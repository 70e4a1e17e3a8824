/**
 * `differential-run.js [--seed N] [--cases N]`: the stream differential under a stock Debian kernel, in parts:
 * each has a guest of its own, so that one that hangs or dies takes no other with it. TAP, a point each.
 */
import { release } from 'node:os'
import { parseArgs } from 'node:util'
import { runInGuest } from './guest.js'

/** 0.04 s of an emulated processor each (docs/tcp.md): a few minutes of a machine that does nothing else. */
const PART_CASES = 10_000
/** It may have a tenth of that machine. */
const PART_MS = 7_200_000
/** As many as the guest has processors. */
const AT_A_TIME = 2
const PROGRAM = 'native/build/differential-release'

interface Share {
  readonly seed: number
  readonly cases: number
}

function sharesOf({ seed, cases }: Share, most: number): Share[] {
  const out: Share[] = []
  for (let done = 0; done < cases; done += most)
    out.push({ seed: seed + done, cases: Math.min(most, cases - done) })
  return out
}

/** Each process has a network namespace of its own. */
function commandOf(part: Share): string {
  const shares = sharesOf(part, Math.ceil(part.cases / AT_A_TIME))
  return [
    'uname -r',
    'modprobe tun',
    ...shares.map(
      ({ seed, cases }, at) =>
        `{ ${PROGRAM} --seed ${seed} --cases ${cases} >/run/share-${at} 2>&1; echo "status $?" >>/run/share-${at}; } &`,
    ),
    'wait',
    ...shares.map((_, at) => `cat /run/share-${at}`),
  ].join('\n')
}

/** What is wrong; '' = nothing. */
function faultOf(part: Share, status: number | null, lines: readonly string[]): string {
  if (status !== 0) return `the guest did not end: ${status}`
  if (lines[0] === release()) return `no other kernel than this machine's: ${lines[0]}`
  const passed = lines.map((line) => /^ok \d+ - (\d+) random cases/.exec(line)?.[1] ?? '0')
  const ran = passed.reduce((sum, count) => sum + Number(count), 0)
  return ran === part.cases ? '' : `${ran} of ${part.cases} cases passed`
}

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    cases: { type: 'string', default: '100000' },
  },
})
const all = { seed: Number(values.seed), cases: Number(values.cases) }
if (!Number.isSafeInteger(all.seed) || !Number.isSafeInteger(all.cases) || all.cases < 1) {
  console.error('differential-run: --seed and --cases take whole numbers')
  process.exit(2)
}
const parts = sharesOf(all, PART_CASES)
console.log(`TAP version 14\n1..${parts.length}`)
for (const [at, part] of parts.entries()) {
  const started = Date.now()
  const { status, output } = await runInGuest(commandOf(part), { timeoutMs: PART_MS })
  const lines = output.split('\n').map((line) => line.trimEnd())
  const fault = faultOf(part, status, lines)
  const seconds = ((Date.now() - started) / 1000).toFixed(0)
  const name = `seeds ${part.seed} to ${part.seed + part.cases - 1} on ${lines[0]} in ${seconds} s`
  console.log(`${fault === '' ? 'ok' : 'not ok'} ${at + 1} - ${name}`)
  if (fault === '') continue
  process.exitCode = 1
  console.log(`# ${fault}`)
  for (const line of lines) console.log(`# ${line.replace(/^# /, '')}`)
}
