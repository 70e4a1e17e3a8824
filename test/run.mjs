// The whole suite, from lint to guest: `node test/run.mjs [--soak] [STEP…]`. Prints one line a step,
// the output of what failed, and closes with the count.
import { spawn } from 'node:child_process'
import { createWriteStream, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
process.chdir(root)
const logs = join('.build', 'logs')
mkdirSync(logs, { recursive: true })

/** Files below a folder whose path in it matches, sorted. */
function filesBelow(folder, pattern) {
  const names = existsSync(folder) ? readdirSync(folder, { recursive: true }) : []
  return names
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => join(folder, name))
}
const TESTS = '.build/test'

const soak = process.argv.includes('--soak')
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'))
/** Shared by all targets, two at a time; asked for by name, 5 minutes of the clock. A soak gives each 5. */
const FUZZ_SECONDS = wanted.includes('fuzz') ? 600 : 50
const SOAK_SECONDS = 300
/** Longer behind its time a fuzz target hangs in an input. */
const HANG_SECONDS = 300
const DAMAGED_PACKETS = soak ? 1_000_000 : 100_000
const DIFFERENTIAL_CASES = soak ? 100_000 : 500
const total = { passed: 0, failed: 0, skipped: 0 }

/** Runs to the end with output in a log; resolves to status and text. */
function run(name, command, args, env = {}) {
  const file = join(logs, `${name.replace(/[^a-z0-9]+/gi, '-')}.log`)
  const log = createWriteStream(file)
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (chunk) => {
        text += chunk
        log.write(chunk)
      })
    }
    child.on('error', (error) => resolve({ status: 127, text: String(error), file }))
    child.on('close', (status) => log.end(() => resolve({ status: status ?? 128, text, file })))
  })
}

/** TAP's closing counts (`# { total: 5, pass: 4, fail: 1, skip: 0 }`), the last of a text. */
function tapCounts(text) {
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
function tapLines(text) {
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

function report(name, started, result, counts) {
  const ok = result.status === 0 && counts.failed === 0 && counts.total > 0
  if (!ok && counts.failed === 0) counts.failed = 1
  total.passed += counts.passed
  total.failed += counts.failed
  total.skipped += counts.skipped
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  console.log(
    `${ok ? 'ok    ' : 'FAILED'} ${name}: ${counts.passed} passed, ${counts.failed} failed${skipped} (${seconds} s)`,
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

/** A command that passes or fails as one. */
async function single(name, command, args) {
  const started = Date.now()
  const result = await run(name, command, args)
  report(name, started, result, {
    total: 1,
    passed: result.status === 0 ? 1 : 0,
    failed: 0,
    skipped: 0,
  })
  return result.status === 0
}

/** Each file is a TAP program of its own; `jobs` of them run at a time. */
async function tap(name, folders, jobs) {
  const files = folders.flatMap((folder) => filesBelow(join(TESTS, folder), /\.test\.js$/))
  if (files.length === 0) {
    const result = { status: 1, text: `no test files below ${folders}`, file: '' }
    report(name, Date.now(), result, { total: 0, passed: 0, failed: 0, skipped: 0 })
  }
  const worker = async () => {
    for (let file = files.shift(); file !== undefined; file = files.shift()) {
      const test = file.slice(TESTS.length + 1).replace(/\.test\.js$/, '')
      const started = Date.now()
      const result = await run(test, 'node', ['--enable-source-maps', file], {
        TAP_TIMEOUT: '300',
        SOAK: soak ? '1' : '0',
      })
      report(test, started, result, tapCounts(result.text))
    }
  }
  console.log(`# ${name}`)
  await Promise.all(Array.from({ length: jobs }, worker))
}

async function nativeTests() {
  const sources = filesBelow('native/test', /_test\.cc$/)
  const binaries = sources.map((file) =>
    file.replace('native/test/', 'native/build/test/').replace(/\.cc$/, ''),
  )
  for (const binary of binaries) {
    const started = Date.now()
    const result = await run(`native ${binary.split('/').at(-1)}`, binary, [])
    report(`native ${binary.split('/').at(-1)}`, started, result, tapLines(result.text))
  }
}

/** Segments through the engine to real sockets; a failing case is left in the corpus. */
async function differential(where, cases) {
  const name = `differential, ${where}`
  const started = Date.now()
  const result = await run(name, 'native/build/differential', [
    '--corpus',
    'native/differential/corpus',
    '--seed',
    '1',
    '--cases',
    String(cases),
  ])
  report(name, started, result, tapLines(result.text))
}

async function fuzz() {
  const targets = filesBelow('native/fuzz', /^[^/]+_fuzz\.cc$/).map(
    (file) => /([a-z0-9_]+)_fuzz\.cc$/.exec(file)[1],
  )
  // As it was built: what stands in the registry is a target.
  const { TARGETS: parsers } = await import(pathToFileURL(join(root, TESTS, 'fuzz/seeds.js')).href)
  const share = Math.ceil(FUZZ_SECONDS / (targets.length + parsers.length))
  const seconds = soak ? SOAK_SECONDS : share
  const native = targets.map((target) => [
    `fuzz ${target}`,
    `native/build/fuzz/${target}_fuzz`,
    // New inputs go to the build folder; the kept corpus stays as committed.
    [
      `.build/fuzz/${target}`,
      `native/fuzz/corpus/${target}`,
      `-max_total_time=${seconds}`,
      '-timeout=10',
      '-rss_limit_mb=2048',
      '-print_final_stats=1',
      `-artifact_prefix=.build/fuzz/${target}-`,
    ],
  ])
  const ofParsers = parsers.map((target) => [
    `fuzz ${target}`,
    'timeout',
    [
      `${seconds + HANG_SECONDS}`,
      'node',
      '.build/test/fuzz/run.js',
      target,
      '--seconds',
      `${seconds}`,
    ],
  ])
  const replay = ['.build/test/fuzz/replay-run.js', '--inputs', `${DAMAGED_PACKETS}`]
  const replayLimit = `${SOAK_SECONDS + HANG_SECONDS}`
  const ofReplay = [
    'fuzz damaged captures',
    'timeout',
    [replayLimit, 'node', '--expose-gc', ...replay],
  ]
  const jobs = [ofReplay, ...native, ...ofParsers]
  for (const target of targets) mkdirSync(join('.build', 'fuzz', target), { recursive: true })
  const worker = async () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      const [name, command, args] = job
      // The guest beside it goes first: it waits for what it emulates.
      await single(name, 'nice', ['-n', '19', command, ...args])
    }
  }
  await Promise.all([worker(), worker()])
}

const STEPS = {
  build: () => single('build', 'node', ['build.mjs']),
  check: async () => {
    await single('format and lint', 'node_modules/.bin/biome', ['ci', '--colors=off', '.'])
    await single('format C++', 'make', ['-s', '-C', 'native', 'format-check'])
    await single('shellcheck', 'shellcheck', [
      'setup.sh',
      'install.sh',
      ...filesBelow('cni', /\.sh$/),
      ...filesBelow('test', /\.sh$/),
    ])
    await single('kernel program is what its header says', 'node', [
      'native/bpf/generate.mjs',
      '--check',
    ])
  },
  native: async () => {
    if (await single('native tests build', 'make', ['-s', '-j2', '-C', 'native', 'tests']))
      await nativeTests()
  },
  unit: () =>
    tap(
      'unit',
      ['core', 'intercept', 'conflist', 'plugin', 'dpd', 'dpctl', 'install', 'bench', 'project'],
      2,
    ),
  system: () => tap('system, this kernel', ['system'], 2),
  clients: () => tap('real clients', ['clients'], 2),
  guest: async () => {
    if (
      (await single('differential for the guest', 'make', [
        ...['-s', '-C', 'native', 'build/differential-release'],
      ])) &&
      (await single('guest kernel', 'sh', ['test/guest/prepare.sh', join(root, '.cache', 'guest')]))
    ) {
      await tap('system, stock Debian kernel', ['guest'], 1)
    }
  },
  differential: async () => {
    if (
      await single('differential build', 'make', [
        '-s',
        '-j2',
        '-C',
        'native',
        'build/differential',
      ])
    )
      await differential('this kernel', DIFFERENTIAL_CASES)
  },
  fuzz: async () => {
    if (await single('fuzz targets build', 'make', ['-s', '-j2', '-C', 'native', 'fuzzers']))
      await fuzz()
  },
}

/**
 * One round after the other, the lanes of one side by side, each step by step: the emulated machine has one
 * processor's work.
 */
const ROUNDS = [
  [['build']],
  [['check']],
  [['native']],
  [['differential']],
  [['unit']],
  [['system']],
  [['clients', 'fuzz'], ['guest']],
]

async function walk(lane) {
  for (const name of lane) {
    const isWanted = wanted.length === 0 || wanted.includes(name)
    if (isWanted && (await STEPS[name]()) === false && name === 'build') return false
  }
  return true
}

for (const round of ROUNDS) {
  const passed = await Promise.all(round.map(walk))
  if (passed.includes(false)) break
}
const version = JSON.parse(readFileSync('package.json', 'utf8')).version
console.log(`vethwall ${version} on ${process.platform} ${process.version}`)
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exit(total.failed === 0 ? 0 : 1)
