import type { At, Fact, Fields, TxId } from '../../../core/inspect/contract.js'
import type { Replies } from './text-command.js'

/** Commands without a reply that are kept; the oldest ends when another comes. */
export const OPEN_TX = 1_024

export interface Open {
  readonly tx: TxId
  readonly replies: Replies
  /** Of the binary protocol; 0 else. */
  readonly opcode: number
  readonly opaque: number
}

/** Commands and the replies due to them, which come in order. */
export class Transactions {
  nextTx: TxId = 0
  /** One past the last reply octet taken. */
  replyAt: At = 0
  /** A quiet command may have a reply or none: until the reply to mn nothing is told of replies. */
  #isUncertain = false
  #isFollowed = true
  readonly #open: Open[] = []

  get oldest(): Open | undefined {
    return this.#open[0]
  }

  request(
    facts: Fact[],
    begin: At,
    fields: Fields,
    replies: Replies,
    opcode = 0,
    opaque = 0,
  ): void {
    const tx = this.nextTx++
    facts.push({ kind: 'tx', tx, dir: 'orig', begin, fields, complete: true })
    if (replies === 'quiet') this.#isUncertain = true
    else if (replies === 'noop') this.#isUncertain = false
    if (!this.#isFollowed || replies === 'none' || this.#isUncertain) {
      facts.push({ kind: 'txEnd', tx, end: this.replyAt })
      return
    }
    this.#open.push({ tx, replies, opcode, opaque })
    if (this.#open.length > OPEN_TX) this.end(facts)
  }

  reply(facts: Fact[], begin: At, fields: Fields): void {
    const tx = this.oldest?.tx
    if (tx !== undefined)
      facts.push({ kind: 'tx', tx, dir: 'reply', begin, fields, complete: true })
  }

  /** The oldest is over. */
  end(facts: Fact[]): void {
    const oldest = this.#open.shift()
    if (oldest !== undefined) facts.push({ kind: 'txEnd', tx: oldest.tx, end: this.replyAt })
  }

  /** No reply can be told from now on: each command ends at once. */
  unfollow(facts: Fact[]): void {
    this.#isFollowed = false
    while (this.#open.length > 0) this.end(facts)
  }
}
