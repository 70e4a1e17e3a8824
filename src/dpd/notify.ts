/**
 * sd_notify(3): READY=1, WATCHDOG=1, RELOADING=1, STOPPING=1. Node has no AF_UNIX datagram socket, so
 * systemd-notify(1), present wherever NOTIFY_SOCKET means anything, sends it for our pid.
 */
import { spawn } from 'node:child_process'

export interface Notifier {
  send(...assignments: string[]): Promise<void>
  /** Half of WatchdogSec, or null where systemd does not watch us. */
  readonly watchdogMs: number | null
}

export function openNotifier(
  environment: Readonly<Record<string, string | undefined>>,
  onFault: (message: string) => void,
): Notifier {
  const socket = environment.NOTIFY_SOCKET
  if (socket === undefined || socket === '')
    return { send: async () => undefined, watchdogMs: null }
  const watchdogUsec = Number(environment.WATCHDOG_USEC ?? '0')
  const forUs = Number(environment.WATCHDOG_PID ?? process.pid) === process.pid
  return {
    watchdogMs: forUs && watchdogUsec > 0 ? Math.max(100, Math.floor(watchdogUsec / 2000)) : null,
    send: (...assignments) => notify(socket, assignments, onFault),
  }
}

function notify(
  socket: string,
  assignments: readonly string[],
  onFault: (message: string) => void,
): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn('systemd-notify', [`--pid=${process.pid}`, ...assignments], {
      env: { NOTIFY_SOCKET: socket, PATH: '/usr/bin:/bin' },
      stdio: 'ignore',
    })
    child.once('error', (error) => {
      onFault(`systemd-notify: ${error.message}; systemd will not learn that dpd is ready`)
      resolve()
    })
    child.once('exit', (code) => {
      if (code !== 0 && code !== null)
        onFault(`systemd-notify ${assignments.join(' ')}: exit ${code}`)
      resolve()
    })
  })
}
