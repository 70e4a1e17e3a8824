/** The suite's steps by name; false = what follows can't be tried. */
import { basename, join } from 'node:path'
import { filesBelow, root } from './command.mjs'
import { fuzz, IN_IDLE_TIME } from './fuzzing.mjs'
import { reported, single, tapLines } from './report.mjs'
import { inParallel, tapFiles } from './tap-files.mjs'

const MAKE_NATIVE = ['-s', '-j2', '-C', 'native']
/** CPU time shared by all targets. In a soak, and asked for by name, each step has the machine to itself. */
const FUZZ_CPU_SECONDS = 300
const FUZZ_ALONE_CPU_SECONDS = 600
const SOAK_FUZZ_CPU_SECONDS = 7_200
/** On each kernel; in the guest 0.04 s of an emulated processor each, which is about an hour. */
const SOAK_DIFFERENTIAL_CASES = 100_000
const GUEST_HANG_CPU_SECONDS = 43_200
const NEVER = new Promise(() => {})

async function check() {
  await single('format and lint', 'node_modules/.bin/biome', ['ci', '--colors=off', '.'])
  await single('format C++', 'make', ['-s', '-C', 'native', 'format-check'])
  const scripts = ['cni', 'test'].flatMap((folder) => filesBelow(folder, /\.sh$/))
  await single('shellcheck', 'shellcheck', [
    '-x',
    'setup.sh',
    'install.sh',
    'as-found.sh',
    ...scripts,
  ])
  const generate = ['native/bpf/generate.mjs', '--check']
  await single('kernel program is what its header says', 'node', generate)
}

async function nativeTests() {
  const tests = filesBelow('native/test', /_test\.cc$/).map((file) => basename(file, '.cc'))
  await inParallel(tests, 2, (test) => {
    const binary = join('native/build/test', test)
    return reported(`native ${test}`, binary, [], ({ text }) => tapLines(text))
  })
}

/** Segments through the engine to real sockets; a failing case is left in the corpus. */
async function differential(where, cases) {
  const corpus = ['--corpus', 'native/differential/corpus', '--seed', '1', '--cases', `${cases}`]
  const countsOf = ({ text }) => tapLines(text)
  await reported(`differential, ${where}`, 'native/build/differential', corpus, countsOf)
}

/** In the time that the processors have left, as it would take an hour of both. */
async function guestDifferential() {
  const cases = ['--cases', `${SOAK_DIFFERENTIAL_CASES}`]
  const run = ['node', '.build/test/guest/differential-run.js', ...cases]
  const args = ['-c', IN_IDLE_TIME, 'sh', `${GUEST_HANG_CPU_SECONDS}`, ...run]
  const options = { detached: true, log: 'differential guest' }
  const countsOf = ({ text }) => tapLines(text)
  await reported('differential, stock Debian kernel', 'sh', args, countsOf, options)
}

async function prepareGuest() {
  const differential = [...MAKE_NATIVE, 'build/differential-release']
  const prepare = ['test/guest/prepare.sh', join(root, '.cache', 'guest')]
  return (
    (await single('differential for the guest', 'make', differential)) &&
    (await single('guest kernel', 'sh', prepare))
  )
}

/** Two ask for it, at the same time. */
let prepared
const isGuestReady = () => {
  prepared ??= prepareGuest()
  return prepared
}

const UNIT = [
  'core',
  'intercept',
  'conflist',
  'plugin',
  'dpd',
  'dpctl',
  'install',
  'bench',
  'project',
]

/** `isAlone`: nothing runs beside the fuzz targets that they would have to wait for. */
export const stepsOf = ({ isSoak, isAlone }) => ({
  build: () => single('build', 'node', ['build.mjs']),
  check,
  'native build': () => single('native tests build', 'make', [...MAKE_NATIVE, 'tests']),
  native: nativeTests,
  differential: () => differential('this kernel', isSoak ? SOAK_DIFFERENTIAL_CASES : 500),
  unit: () => tapFiles('unit', UNIT, { jobs: 2, isSoak, areTogether: true }),
  system: () => tapFiles('system, this kernel', ['system'], { jobs: 2, isSoak }),
  clients: () => tapFiles('real clients', ['clients'], { jobs: 2, isSoak }),
  guest: async () => {
    if (await isGuestReady())
      await tapFiles('system, stock Debian kernel', ['guest'], { jobs: 1, isSoak })
  },
  'guest differential': async () => {
    if (isSoak && (await isGuestReady())) await guestDifferential()
  },
  'fuzz build': () => single('fuzz targets build', 'make', [...MAKE_NATIVE, 'fuzzers']),
  fuzz: (others) =>
    fuzz({
      cpuSeconds: isSoak
        ? SOAK_FUZZ_CPU_SECONDS
        : isAlone
          ? FUZZ_ALONE_CPU_SECONDS
          : FUZZ_CPU_SECONDS,
      damagedPackets: isSoak ? 1_000_000 : 100_000,
      others: isSoak || isAlone ? NEVER : others,
    }),
})
