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
  /** So many events as they go into the file, each with its newline. */
  writeLines(text: string, lines: number): void
  reopen(): void
  close(): void
  counters(): { readonly file: string | null; readonly written: number; readonly lost: number }
}

export const noEvents: EventsSink = {
  write: () => undefined,
  writeLines: () => undefined,
  reopen: () => undefined,
  close: () => undefined,
  counters: () => ({ file: null, written: 0, lost: 0 }),
}

export class EventsFile implements EventsSink {
  #fd: number | null = null
  #octets = 0
  #pending: string[] = []
  #pendingLines = 0
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
    this.writeLines(`${JSON.stringify(event)}\n`, 1)
  }

  writeLines(text: string, lines: number): void {
    const { cap, taken } = take(this.#cap, this.nowMs(), lines)
    this.#cap = cap
    this.#lost += lines - taken
    if (taken === 0) return
    this.#pending.push(taken === lines ? text : firstLines(text, taken))
    this.#pendingLines += taken
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.flush())
  }

  flush(): void {
    this.#scheduled = false
    const text = this.#pending.join('')
    const lines = this.#pendingLines
    this.#pending = []
    this.#pendingLines = 0
    if (lines === 0) return
    if (this.#octets >= this.settings.rotateOctets) this.#rotate()
    if (this.#fd === null) this.#open()
    try {
      if (this.#fd === null) throw new Error('not open')
      this.#octets += fs.writeSync(this.#fd, text)
      this.#written += lines
    } catch {
      this.#lost += lines
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

function firstLines(text: string, lines: number): string {
  let end = 0
  for (let n = 0; n < lines; n++) end = text.indexOf('\n', end) + 1
  return text.slice(0, end)
}
