/** Signals, the watchdog and the end of the process: the one place that exits it. */
import type { Notifier } from './notify.js'

export interface Lifecycle {
  /** SIGHUP. */
  readonly reload: () => Promise<void>
  /** SIGTERM, SIGINT: open endpoints go direct before it resolves. */
  readonly stop: () => Promise<void>
  readonly notifier: Notifier
  readonly info: (message: string) => void
  readonly fatal: (message: string) => void
}

const STOP_MS = 5000

export async function live({ reload, stop, notifier, info, fatal }: Lifecycle): Promise<void> {
  const end = (signal: string): void => {
    info(`${signal}: stopping`)
    void notifier.send('STOPPING=1')
    setTimeout(() => process.exit(1), STOP_MS).unref()
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        fatal(`stopping: ${String(error)}`)
        process.exit(1)
      },
    )
  }
  process.once('SIGTERM', () => end('SIGTERM'))
  process.once('SIGINT', () => end('SIGINT'))
  process.on('SIGHUP', () => {
    info('SIGHUP: reloading')
    reload().catch((error: unknown) => fatal(`reload: ${String(error)}`))
  })
  const { watchdogMs } = notifier
  if (watchdogMs !== null) setInterval(() => void notifier.send('WATCHDOG=1'), watchdogMs).unref()
  await notifier.send('READY=1', `MAINPID=${process.pid}`)
}
