/**
 * The process beside dpd that the `tc` driver needs: u32 filters can't look at the heartbeat. It is its
 * own session, so that whatever kills dpd leaves it alive; a new dpd replaces it with its own build's.
 */
import { spawn } from 'node:child_process'
import { openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Instance } from '../core/instance.js'
import { os } from '../intercept/addon.js'
import { listRecords } from '../intercept/endpoint-records.js'
import { openEnforcer } from '../intercept/enforcer.js'
import { isNetns } from '../intercept/netns.js'
import { TcDriver } from '../intercept/tc/driver.js'
import { heartbeatPath, readStamps } from '../intercept/tc/heartbeat-file.js'
import { runWatchdog } from '../intercept/tc/watchdog.js'

const LOCK_MS = 3000
const NAMESPACE_CHECK_MS = 1000

const pidPath = (instance: Instance): string => join(instance.runDir, 'watchdog.pid')

/** Ends the one of the dpd before, by the pid that it left and only if that is a watchdog of ours. */
function endPredecessor(instance: Instance): void {
  try {
    const pid = Number.parseInt(readFileSync(pidPath(instance), 'utf8'), 10)
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    const isOurs = command.includes('--watchdog') && command.includes(instance.name)
    if (isOurs) process.kill(pid, 'SIGTERM')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ESRCH') throw error
  }
}

export function spawnWatchdog(instance: Instance): void {
  endPredecessor(instance)
  const script = process.argv[1] ?? ''
  const args = [script, '--watchdog', '--instance', instance.name]
  spawn(process.execPath, args, { detached: true, stdio: ['ignore', 'ignore', 'inherit'] }).unref()
}

/** Runs until SIGTERM, or until the enforcer namespace is gone. False: another one holds the lock. */
export async function runWatchdogProcess(
  instance: Instance,
  log: (message: string) => void,
): Promise<boolean> {
  const lock = openSync(join(instance.runDir, 'watchdog.lock'), 'a', 0o600)
  if (!os.flock(lock, LOCK_MS)) return false
  writeFileSync(pidPath(instance), `${process.pid}\n`)
  const enforcer = openEnforcer(os, instance)
  if (enforcer === null) return true
  const end = new AbortController()
  process.once('SIGTERM', () => end.abort())
  const isGone = (): boolean => !isNetns(instance.netnsPath) && !isNetns(instance.netnsSparePath)
  const timer = setInterval(() => isGone() && end.abort(), NAMESPACE_CHECK_MS)
  const stampsPath = heartbeatPath(instance)
  await runWatchdog(
    {
      driver: new TcDriver(os),
      enforcer,
      stamps: () => readStamps(stampsPath),
      nowNs: () => process.hrtime.bigint(),
      endpoints: () => listRecords(instance, log).filter(({ driver }) => driver === 'tc'),
      log,
    },
    end.signal,
  )
  clearInterval(timer)
  return true
}
