/** One client's octets to a server, as far as the inspection has announced what they are. */
import { connect, type Socket } from 'node:net'
import type { Dir, Fields } from '../../../src/core/inspect/contract.js'
import { registry } from '../../../src/dpd/dpi/registry.js'
import { Inspection, type Outcome } from '../../../src/dpd/dpi/stream.js'
import { viewOf } from '../dpi/deliver.js'

/** Of a server that waits for what is never released. */
const PATIENCE_MS = 700

export interface Announced {
  readonly tx: number
  readonly fields: Fields
  readonly statuses: number[]
}

export interface Exchange {
  readonly announced: readonly Announced[]
  readonly app: string | null
  readonly state: string
  readonly clause: string
  /** In whose octets the flow became malformed. */
  readonly blamed: Dir | null
  /** What the server sent. */
  readonly replied: Buffer
}

export class Exchanging {
  readonly #inspection = new Inspection(viewOf('tcp'), registry)
  readonly #announced: Announced[] = []
  readonly #socket: Socket
  readonly #replies: Buffer[] = []
  /** Before it all octets are of requests that were announced, and none was malformed then. */
  #covered = 0
  #released = 0
  #replied = 0
  /** Where a request begins that no rule allows. */
  #stopAt = Number.MAX_SAFE_INTEGER
  #clause = ''
  #blamed: Dir | null = null
  #isEnded = false

  constructor(
    private readonly octets: Uint8Array,
    host: string,
    port: number,
    localAddress: string,
  ) {
    this.#socket = connect({ host, port, localAddress })
  }

  /** All octets are there before the server answers, one by one: what is released is what each announced. */
  run(): Promise<Exchange> {
    const socket = this.#socket
    socket.on('connect', () => {
      const { length } = this.octets
      for (let at = 0; at < length && !this.#isMalformed; at++) {
        this.#take('orig', this.octets.slice(at, at + 1), at, at + 1 === length)
      }
      this.#release()
    })
    socket.on('data', (chunk: Buffer) => {
      this.#replies.push(chunk)
      this.#take('reply', chunk, this.#replied, false)
      this.#replied += chunk.length
      this.#release()
    })
    socket.on('error', () => {})
    socket.setTimeout(PATIENCE_MS, () => socket.destroy())
    return new Promise((resolve) => socket.on('close', () => resolve(this.#result())))
  }

  get #isMalformed(): boolean {
    return this.#inspection.state === 'malformed'
  }

  #take(dir: Dir, octets: Uint8Array, at: number, ended: boolean): void {
    if (this.#isMalformed) return
    const outcome = this.#inspection.octets(dir, at, octets, ended)
    this.#note(outcome)
    if (outcome.parserFault) throw new Error(`parser fault: ${outcome.clause}`)
    if (outcome.state !== 'malformed') {
      this.#covered = Math.min(this.#inspection.covered('orig'), this.octets.length)
      return
    }
    // What rested until a reply came is the client's still.
    const isResting = this.#covered < this.octets.length
    this.#blamed = dir === 'reply' && isResting ? 'orig' : dir
    this.#clause = outcome.clause ?? ''
  }

  #note({ facts }: Outcome): void {
    for (const { fact } of facts) {
      if (fact.kind !== 'tx') continue
      if (fact.dir === 'reply') {
        const { status } = fact.fields
        const to = this.#announced.find(({ tx }) => tx === fact.tx)
        if (typeof status === 'number') to?.statuses.push(status)
        continue
      }
      if (fact.fields.malformed === true) this.#stopAt = Math.min(this.#stopAt, fact.begin)
      else if (fact.begin < this.#stopAt) {
        this.#announced.push({ tx: fact.tx, fields: fact.fields, statuses: [] })
      }
    }
  }

  #release(): void {
    const covered = Math.min(this.#covered, this.#stopAt)
    if (covered > this.#released) {
      this.#socket.write(this.octets.slice(this.#released, covered))
      this.#released = covered
    }
    const isDead = this.#isMalformed || covered === this.#stopAt
    if (this.#isEnded || !(isDead || covered === this.octets.length)) return
    this.#isEnded = true
    this.#socket.end()
  }

  #result(): Exchange {
    const { app, state } = this.#inspection
    const replied = Buffer.concat(this.#replies)
    return {
      ...{ app, state, replied },
      announced: this.#announced,
      clause: this.#clause,
      blamed: this.#blamed,
    }
  }
}
