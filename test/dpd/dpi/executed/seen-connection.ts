/** A connection to a real server whose octets an Inspection sees as well. */
import { createConnection, type Socket } from 'node:net'
import { fromLatin1, latin1 } from '../../../../src/core/bytes.js'
import type { Dir, Fact } from '../../../../src/core/inspect/contract.js'
import { registry } from '../../../../src/dpd/dpi/registry.js'
import { Inspection } from '../../../../src/dpd/dpi/stream.js'
import { viewOf } from '../deliver.js'

export abstract class SeenConnection {
  readonly inspection = new Inspection(viewOf('tcp'), registry)
  closed = false
  /** What was told since the last forgetting. */
  protected facts: Fact[] = []
  /** Of the server's octets, what `take` has left. */
  protected rest = ''
  readonly #at = { orig: 0, reply: 0 }
  readonly #socket: Socket
  #wake: () => void = () => {}

  protected constructor(path: string) {
    this.#socket = createConnection(path)
    this.#socket.on('data', (octets) => {
      this.#see('reply', Uint8Array.from(octets))
      this.rest += latin1(octets)
      this.take()
      this.#wake()
    })
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      this.closed = true
      this.#wake()
    })
  }

  end(): void {
    this.#socket.destroy()
  }

  /** Whole messages of `rest`. */
  protected abstract take(): void

  protected send(octets: string): void {
    this.#see('orig', fromLatin1(octets))
    this.#socket.write(octets, 'latin1')
  }

  /** Or the server has closed. */
  protected async until(done: () => boolean): Promise<void> {
    while (!done() && !this.closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  get sentOctets(): number {
    return this.#at.orig
  }

  protected get hasSent(): boolean {
    return this.#at.orig > 0
  }

  #see(dir: Dir, octets: Uint8Array): void {
    const outcome = this.inspection.octets(dir, this.#at[dir], octets, false)
    this.#at[dir] += octets.length
    for (const { fact } of outcome.facts) this.facts.push(fact)
  }
}
