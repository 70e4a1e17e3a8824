/** Requests in datagrams and the replies that name them: the oldest are forgotten, since any may be lost. */
import type { At, Dir, Fact, Fields, TxId } from '../../core/inspect/contract.js'

/** Requests of one flow without a reply. */
export const OPEN_EXCHANGES = 16

export interface Message {
  /** What a reply has in common with its request. */
  readonly key: string
  readonly fields: Fields
  readonly detail?: () => Fields
  /** No reply will come. */
  readonly isLast?: boolean
}

export class Exchanges {
  readonly #open: { readonly key: string; readonly tx: TxId }[] = []
  #next: TxId = 0

  take(dir: Dir, at: At, message: Message | null): Fact[] {
    return dir === 'orig' ? this.#request(at, message) : this.#reply(at, message)
  }

  /** null = malformed: a transaction that no rule allows. */
  #request(at: At, message: Message | null): Fact[] {
    const tx = this.#next++
    const fields = message?.fields ?? { malformed: true }
    const detail = message?.detail
    const facts: Fact[] = [
      {
        ...{ kind: 'tx', tx, dir: 'orig', begin: at, fields, complete: true },
        ...(detail === undefined ? {} : { detail }),
      },
    ]
    if (message === null || message.isLast === true) facts.push({ kind: 'txEnd', tx, end: 0 })
    else facts.push(...this.#keep(message.key, tx))
    return facts
  }

  #keep(key: string, tx: TxId): Fact[] {
    const again = this.#open.findIndex((open) => open.key === key)
    const isFull = this.#open.length >= OPEN_EXCHANGES
    const out = again >= 0 || isFull ? this.#open.splice(Math.max(0, again), 1) : []
    this.#open.push({ key, tx })
    return out.map((left) => ({ kind: 'txEnd', tx: left.tx, end: 0 }))
  }

  #reply(at: At, message: Message | null): Fact[] {
    if (message === null) return []
    const { key, fields, detail } = message
    const index = this.#open.findIndex((open) => open.key === key)
    const [request] = index < 0 ? [] : this.#open.splice(index, 1)
    if (request === undefined) return []
    const { tx } = request
    return [
      {
        ...{ kind: 'tx', tx, dir: 'reply', begin: at, fields, complete: true },
        ...(detail === undefined ? {} : { detail }),
      },
      { kind: 'txEnd', tx, end: at + 1 },
    ]
  }
}
