/**
 * The in-kernel program of the `bpf` driver looks at the heartbeat by itself; u32 filters can't. A tiny
 * process of its own, so that it outlives whatever stops dpd, does it for them: it turns inline
 * endpoints to their failure setting while the judge is dead, and back (design §6).
 */
import type { EndpointRecord } from '../../core/endpoint.js'
import type { Enforcer } from '../driver.js'
import type { TcDriver } from './driver.js'
import { isJudgeDead } from './heartbeat-file.js'

const TICK_MS = 100

export interface WatchdogDeps {
  readonly driver: Pick<TcDriver, 'setStale'>
  readonly enforcer: Enforcer
  readonly stamps: () => readonly bigint[]
  /** CLOCK_MONOTONIC, as the stamps. */
  readonly nowNs: () => bigint
  /** Endpoints of the `tc` driver, as their records stand now. */
  readonly endpoints: () => readonly EndpointRecord[]
  readonly log: (message: string) => void
}

export class Watchdog {
  readonly #deps: WatchdogDeps
  /** null = not known yet. */
  #wasDead: boolean | null = null
  /** A live judge costs one file read: endpoints are looked at while it is dead, and once after. */
  #isSettled = false

  constructor(deps: WatchdogDeps) {
    this.#deps = deps
  }

  tick(): void {
    const isDead = isJudgeDead(this.#deps.stamps(), this.#deps.nowNs())
    if (isDead !== this.#wasDead) this.#logChange(isDead)
    this.#wasDead = isDead
    if (isDead || !this.#isSettled) this.#isSettled = this.#setAll(isDead) && !isDead
  }

  #logChange(isDead: boolean): void {
    if (isDead) {
      this.#deps.log('heartbeat is stale: inline endpoints take their failure setting')
    } else if (this.#wasDead === true) {
      this.#deps.log('heartbeat is back: inline endpoints are judged again')
    }
  }

  /** One endpoint's error must not leave the others dark. */
  #setAll(isStale: boolean): boolean {
    let isDone = true
    for (const record of this.#deps.endpoints()) {
      try {
        this.#deps.driver.setStale(this.#deps.enforcer, record, isStale)
      } catch (error) {
        isDone = false
        this.#deps.log(
          `endpoint ${record.id} (${record.namespace}/${record.pod}): ${String(error)}`,
        )
      }
    }
    return isDone
  }
}

/** Until `signal` aborts. */
export function runWatchdog(deps: WatchdogDeps, signal: AbortSignal): Promise<void> {
  const watchdog = new Watchdog(deps)
  const tick = () => {
    try {
      watchdog.tick()
    } catch (error) {
      deps.log(`watchdog: ${String(error)}`)
    }
  }
  tick()
  const timer = setInterval(tick, TICK_MS)
  return new Promise((resolve) => {
    const end = () => {
      clearInterval(timer)
      resolve()
    }
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
}
