/** What it ran on, and how much of it was ours. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, release } from 'node:os'
import { root } from '../test/root.js'
import { machineTime } from './processes.js'
import type { Machine } from './result.js'

/** Call it before the run; the function that it returns, after. */
export function watchMachine(): () => Machine {
  const before = machineTime()
  const loadBefore = loadavg()[0] ?? 0
  return () => {
    const after = machineTime()
    const stolenPercent = (100 * (after.stolen - before.stolen)) / (after.all - before.all)
    return { ...machine(), loadBefore, stolenPercent }
  }
}

function machine() {
  const memory = /MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'latin1'))?.[1]
  const describe = ['-C', root, 'describe', '--always', '--dirty', '--exclude=*']
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryKiB: Number(memory),
    kernel: release(),
    node: process.version,
    commit: execFileSync('git', describe, { encoding: 'utf8' }).trim(),
  }
}
