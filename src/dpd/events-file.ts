/**
 * The EVE file: one JSON object a line, appended, rotated by size, reopened on SIGHUP, capped in
 * rate. Writes are gathered and go out once per turn of the event loop; what the disk refuses is
 * counted as lost and never waited for.
 */
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { EveEvent } from '../core/events/eve.js'
import { openRateCap, type RateCap, take } from '../core/events/rate-cap.js'

export interface EventsFileSettings {
  readonly file: string
  readonly perSecond: number
  readonly rotateOctets: number
  readonly keep: number
}

export interface EventsSink {
  write(event: EveEvent): void
  /** An event as it goes into the file, with its newline. */
  writeLine(line: string): void
  reopen(): void
  close(): void
  counters(): { readonly file: string | null; readonly written: number; readonly lost: number }
}

export const noEvents: EventsSink = {
  write: () => undefined,
  writeLine: () => undefined,
  reopen: () => undefined,
  close: () => undefined,
  counters: () => ({ file: null, written: 0, lost: 0 }),
}

export class EventsFile implements EventsSink {
  #fd: number | null = null
  #octets = 0
  #pending: string[] = []
  #scheduled = false
  #written = 0
  #lost = 0
  #cap: RateCap

  constructor(
    private readonly settings: EventsFileSettings,
    private readonly nowMs: () => number,
    private readonly onFault: (message: string) => void,
  ) {
    this.#cap = openRateCap(settings.perSecond, settings.perSecond, nowMs())
    this.#open()
  }

  write(event: EveEvent): void {
    this.#write(() => `${JSON.stringify(event)}\n`)
  }

  writeLine(line: string): void {
    this.#write(() => line)
  }

  #write(line: () => string): void {
    const { cap, taken } = take(this.#cap, this.nowMs())
    this.#cap = cap
    if (!taken) {
      this.#lost++
      return
    }
    this.#pending.push(line())
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.flush())
  }

  flush(): void {
    this.#scheduled = false
    const lines = this.#pending
    this.#pending = []
    if (lines.length === 0) return
    if (this.#octets >= this.settings.rotateOctets) this.#rotate()
    if (this.#fd === null) this.#open()
    try {
      if (this.#fd === null) throw new Error('not open')
      this.#octets += fs.writeSync(this.#fd, lines.join(''))
      this.#written += lines.length
    } catch {
      this.#lost += lines.length
    }
  }

  /** For logrotate: the name may stand for another file by now. */
  reopen(): void {
    this.flush()
    this.close()
    this.#open()
  }

  close(): void {
    this.flush()
    if (this.#fd !== null) fs.closeSync(this.#fd)
    this.#fd = null
  }

  counters(): { readonly file: string; readonly written: number; readonly lost: number } {
    return { file: this.settings.file, written: this.#written, lost: this.#lost }
  }

  #open(): void {
    try {
      fs.mkdirSync(path.dirname(this.settings.file), { recursive: true })
      this.#fd = fs.openSync(this.settings.file, 'a', 0o640)
      this.#octets = fs.fstatSync(this.#fd).size
    } catch (error) {
      this.#fd = null
      this.onFault(
        `events file ${this.settings.file}: ${String(error)}; events are lost until it opens`,
      )
    }
  }

  /** eve.json → eve.json.1 → … → eve.json.<keep - 1>; the oldest goes. */
  #rotate(): void {
    const { file, keep } = this.settings
    if (this.#fd !== null) fs.closeSync(this.#fd)
    this.#fd = null
    try {
      for (let n = keep - 1; n >= 1; n--) {
        const from = n === 1 ? file : `${file}.${n - 1}`
        if (fs.existsSync(from)) fs.renameSync(from, `${file}.${n}`)
      }
      if (keep <= 1) fs.rmSync(file, { force: true })
    } catch (error) {
      this.onFault(`events file ${file}: rotation failed: ${String(error)}`)
    }
    this.#open()
  }
}
