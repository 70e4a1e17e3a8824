/**
 * System tests again under a stock Debian kernel: what the machine's own lacks (act_pedit, act_gact) runs there, and
 * the stream differential against its TCP.
 */
import { release } from 'node:os'
import t from 'tap'
import { runInGuest } from './guest.js'

const TESTS = ['bpf-driver', 'tc-driver', 'slice']
/** Those that ask nothing of tc's modules: with `npm run soak`. */
const MORE_TESTS = ['os', 'swap', 'swap-shapes', 'plugin']
/** Several minutes of emulated time on two busy cores. */
const IS_SOAK = process.env.SOAK === '1'
const GUEST_MS = IS_SOAK ? 3_600_000 : 600_000
const CHOSEN = IS_SOAK ? [...TESTS, ...MORE_TESTS] : TESTS
/** A soak has another run of many more (differential-run.ts). */
const CASES = 50
const DIFFERENTIAL = [
  'modprobe tun;',
  'native/build/differential-release --corpus native/differential/corpus',
  `--seed 1 --cases ${CASES}`,
].join(' ')
const PROGRAMS = [
  ...CHOSEN.map((name) => ({
    name,
    command: `TAP_TIMEOUT=500 node .build/test/system/${name}.test.js`,
  })),
  { name: 'differential', command: DIFFERENTIAL },
]

t.setTimeout(GUEST_MS + 60_000)
t.test('system tests on a stock Debian kernel', { timeout: GUEST_MS + 30_000 }, async (t) => {
  const command = [
    'uname -r',
    'mount -t bpf bpf /sys/fs/bpf',
    ...PROGRAMS.map(
      ({ name, command }) => `echo "== ${name}"; ${command}; echo "== ${name} status $?"`,
    ),
  ].join('\n')
  const lines: string[] = []
  const guest = await runInGuest(command, {
    timeoutMs: GUEST_MS,
    env: { TEST_DEADLINE_MS: '120000', SLICE_DRIVERS: IS_SOAK ? 'bpf,tc' : 'tc' },
    onLine: (line) => lines.push(line),
  })
  t.equal(guest.status, 0, 'the guest ran to its end')
  t.not(lines[0]?.trim(), release(), `another kernel than this machine's: ${lines[0]}`)
  for (const { name: test } of PROGRAMS) {
    const from = lines.findIndex((line) => line.startsWith(`== ${test}`))
    const to = lines.findIndex((line) => line.startsWith(`== ${test} status`))
    const output = lines.slice(from + 1, to)
    t.equal(lines[to]?.trim(), `== ${test} status 0`, `${test} passed`)
    for (const line of output) {
      const result = /^ {0,4}(not )?ok \d+ - (.*)$/.exec(line.trimEnd())
      if (result === null) continue
      const [, failed, name = ''] = result
      const skip = /# SKIP ?(.*)$/i.exec(name)
      if (skip !== null)
        t.pass(`${test}: ${name.slice(0, skip.index).trim()}`, { skip: skip[1] ?? '' })
      else t.ok(failed === undefined, `${test}: ${name}`)
    }
    if (lines[to]?.trim() !== `== ${test} status 0`) t.comment(output.join('\n'))
  }
})
