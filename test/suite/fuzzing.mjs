/**
 * All fuzz targets, in the time that the processors have left. What is shared out is CPU time: of a lane that
 * runs only where nobody else wants to, the clock says little.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { filesBelow, root, run } from './command.mjs'
import { asOne, remarks, report } from './report.mjs'

const JOBS = 2
/** Of its share each target gets the first part before any gets the rest: an hour of others must not use it up. */
const PARTS = [1 / 4, 3 / 4]
/** Each reads all seeds once: few enough to pay, enough to go on side by side. */
const PARSER_GROUPS = 4
/** More CPU time than its share, seeds and all: a target hangs in an input. */
const HANG_CPU_SECONDS = 60
/** The clock of one input, to keep one that hangs; it may have a 300th of a processor. */
const INPUT_SECONDS = 120
/** After the last of the others: what must be done goes on, the rest is given so long. */
const TAIL_MS = 30_000
/** With the processors to itself: whoever is not done then waits for something. */
const STUCK_MS = 600_000
const POLL_MS = 200
/** proc(5), /proc/[pid]/stat: fields 14 and 15, in sysconf(_SC_CLK_TCK), which is 100 on all architectures. */
const TICKS_PER_SECOND = 100

/**
 * sched(7): SCHED_IDLE counts within a session's autogroup only, and sessions share alike. So it has one of its
 * own, of the least weight: a pod's server in a session of its own goes first too.
 */
export const IN_IDLE_TIME = `{ echo 19 >/proc/self/autogroup; } 2>/dev/null
ulimit -t "$1" && shift && exec setpriv --pdeathsig KILL chrt --idle 0 "$@"`

function cpuSecondsOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
    return (Number(user) + Number(system)) / TICKS_PER_SECOND
  } catch {
    return 0
  }
}

/** `mayStop`: at `stop()` it need not be done. */
class Lane {
  constructor(targets) {
    this.targets = new Map(
      targets.map((name) => [name, { cpuSeconds: 0, inputs: 0, failed: null }]),
    )
    this.running = new Map()
    this.isOver = false
  }

  /** Nothing that may stop begins any more, and what runs is ended. */
  stop() {
    this.isOver = true
    for (const [child, job] of this.running) if (job.mayStop) this.end(child, job)
  }

  /** Whoever is still there does not count as having passed. */
  kill() {
    for (const child of this.running.keys()) child.kill('SIGKILL')
  }

  end(child, job) {
    job.isEnded = true
    // libFuzzer closes its statistics at USR1.
    child.kill(job.limitCpuSeconds === undefined ? 'SIGTERM' : 'SIGUSR1')
  }

  async work(jobs) {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift())
      if (!(this.isOver && job.mayStop)) await this.take(job)
  }

  async take(job) {
    const hangs = String(Math.ceil(job.cpuSeconds + HANG_CPU_SECONDS))
    let child
    job.spentCpuSeconds = 0
    const poll = setInterval(() => {
      job.spentCpuSeconds = Math.max(job.spentCpuSeconds, cpuSecondsOf(child.pid))
      if (job.spentCpuSeconds >= job.limitCpuSeconds && !job.isEnded) this.end(child, job)
    }, POLL_MS)
    const args = ['-c', IN_IDLE_TIME, 'sh', hangs, ...job.command]
    const result = await run(job.name, 'sh', args, {
      detached: true,
      began: (began) => {
        child = began
        this.running.set(child, job)
      },
    })
    clearInterval(poll)
    this.running.delete(child)
    if (result.signal !== null) result.text += `\nended by ${result.signal}\n`
    // USR1 before libFuzzer has a handler for it ends it as TERM does.
    const isOurs = job.isEnded && ['SIGTERM', 'SIGUSR1'].includes(result.signal)
    const isFailed = result.status !== 0 && !isOurs
    job.note(this.targets, result, isFailed, job)
  }
}

/** run.js has a line for each target that it is done with. */
function noteParsers(targets, result, isFailed, job) {
  const line = /^fuzz (\S+): (\d+) inputs, (\d+) failures, ([\d.]+) CPU s/gm
  const done = new Set()
  for (const [, name, inputs, failures, cpuSeconds] of result.text.matchAll(line)) {
    const target = targets.get(name)
    target.inputs += Number(inputs)
    target.cpuSeconds += Number(cpuSeconds)
    if (failures !== '0') target.failed = result
    done.add(name)
  }
  const culprit = job.targets.find((name) => !done.has(name)) ?? job.targets.at(-1)
  if (isFailed && !job.targets.some((name) => targets.get(name).failed !== null))
    targets.get(culprit).failed = result
}

function noteOne(targets, result, isFailed, job) {
  const target = targets.get(job.targets[0])
  const inputs = /^stat::number_of_executed_units: (\d+)|^fuzz replay: (\d+) damaged/m
  const [, units, packets] = inputs.exec(result.text) ?? []
  target.inputs += Number(units ?? packets ?? 0)
  target.cpuSeconds += job.spentCpuSeconds
  if (isFailed) target.failed = result
}

function nativeJob(target, cpuSeconds) {
  mkdirSync(join('.build', 'fuzz', target), { recursive: true })
  const command = [
    `native/build/fuzz/${target}_fuzz`,
    // New inputs go to the build folder; the kept corpus stays as committed.
    `.build/fuzz/${target}`,
    `native/fuzz/corpus/${target}`,
    `-timeout=${INPUT_SECONDS}`,
    '-rss_limit_mb=2048',
    '-print_final_stats=1',
    `-artifact_prefix=.build/fuzz/${target}-`,
  ]
  return { targets: [target], command, cpuSeconds, limitCpuSeconds: cpuSeconds, note: noteOne }
}

function parsersJob(targets, cpuSeconds) {
  const command = ['node', '.build/test/fuzz/run.js', '--cpu-seconds', `${cpuSeconds}`, ...targets]
  return { targets, command, cpuSeconds: cpuSeconds * targets.length, note: noteParsers }
}

const REPLAY = 'damaged captures'
function replayJob(packets) {
  const script = ['.build/test/fuzz/replay-run.js', '--inputs', `${packets}`]
  const command = ['node', '--expose-gc', ...script]
  // Measured 40 s of 100,000.
  const cpuSeconds = packets / 500
  return { name: `fuzz ${REPLAY}`, targets: [REPLAY], command, cpuSeconds, note: noteOne }
}

function jobsOf(natives, parsers, share, damagedPackets) {
  const groups = Array.from({ length: PARSER_GROUPS }, (_, at) =>
    parsers.filter((_, index) => index % PARSER_GROUPS === at),
  )
  const parts = PARTS.map((part, at) => {
    const ofParsers = groups.map((targets) => parsersJob(targets, part * share))
    const ofNatives = natives.map((target) => nativeJob(target, part * share))
    return [...ofParsers, ...ofNatives].map((job) => ({
      ...job,
      name: `fuzz ${job.targets.join(' ')} ${at + 1}`,
      mayStop: at > 0,
    }))
  })
  return [replayJob(damagedPackets), ...parts.flat()]
}

/**
 * `cpuSeconds` is for all targets, damaged captures besides. Once `others` is settled, which may be never, only
 * what each target is sure of is waited for.
 */
export async function fuzz({ cpuSeconds, damagedPackets, others }) {
  const natives = filesBelow('native/fuzz', /^[^/]+_fuzz\.cc$/).map(
    (file) => /([a-z0-9_]+)_fuzz\.cc$/.exec(file)[1],
  )
  // As it was built: what stands in the registry is a target.
  const seeds = pathToFileURL(join(root, '.build/test/fuzz/seeds.js')).href
  const { TARGETS: parsers } = await import(seeds)
  const targets = [...natives, ...parsers]
  const lane = new Lane([...targets, REPLAY])
  const jobs = jobsOf(natives, parsers, cpuSeconds / targets.length, damagedPackets)
  const timers = []
  const stopAfter = () => {
    timers.push(
      setTimeout(() => lane.stop(), TAIL_MS),
      setTimeout(() => lane.kill(), STUCK_MS),
    )
  }
  others.then(stopAfter)
  await Promise.all(Array.from({ length: JOBS }, () => lane.work(jobs)))
  for (const timer of timers) clearTimeout(timer)
  tell(lane.targets, targets)
}

function tell(results, targets) {
  for (const [name, { cpuSeconds, inputs, failed }] of results) {
    const result = failed === null ? { status: 0, text: '' } : { ...failed, status: 1 }
    report(
      `fuzz ${name}`,
      `${cpuSeconds.toFixed(1)} CPU s, ${inputs} inputs`,
      result,
      asOne(result),
    )
  }
  const spent = targets.map((name) => results.get(name).cpuSeconds)
  const sum = spent.reduce((one, other) => one + other, 0)
  remarks.push(
    `fuzzing had ${sum.toFixed(0)} CPU s, each target at least ${Math.min(...spent).toFixed(1)}`,
  )
}
