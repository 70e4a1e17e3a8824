import type { TxId } from '../../../core/inspect/contract.js'
import type { Command } from './command.js'

/** Commands with other than one reply that wait at once; beyond it replies are not followed any more. */
const EXCEPTIONS = 256

const SUBSCRIPTIONS = new Set(
  'SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE'.split(' '),
)
/** After their reply the server's octets are no replies. */
const OPAQUE = new Set(['MONITOR', 'PSYNC', 'SYNC'])

/** From `tx` on; only `silent` is about several transactions. */
type Exception =
  | { readonly kind: 'silent'; readonly tx: TxId; transactions: number }
  | { readonly kind: 'subscription'; readonly tx: TxId; replies: number }
  | { readonly kind: 'opaque'; readonly tx: TxId }

/** Which transaction the next reply is for. Replies come in the order of commands, so counting is enough. */
export class RepliesDue {
  /** The transaction that the next reply belongs to. */
  next: TxId = 0
  /** False: replies can't be told any more. */
  isFollowed = true
  hasSubscribed = false
  readonly #exceptions: Exception[] = []
  /** CLIENT REPLY OFF and SKIP. */
  #mode: 'on' | 'off' | 'skip' = 'on'

  /** Whether the server will say something. */
  asked(tx: TxId, command: Command): boolean {
    const { name } = command.spec
    const isSilent = this.#isSilent(command)
    if (isSilent) this.#addSilent(tx)
    else if (SUBSCRIPTIONS.has(name)) {
      this.hasSubscribed = true
      this.#add({ kind: 'subscription', tx, replies: Math.max(1, command.count - 1) })
    } else if (OPAQUE.has(name)) this.#add({ kind: 'opaque', tx })
    return !isSilent
  }

  /** Each command so far had one reply, and the next will have one. */
  get isPlain(): boolean {
    return this.isFollowed && this.#exceptions.length === 0 && this.#mode === 'on'
  }

  /** Whether the reply to `next` is the last that can be read. */
  get isLast(): boolean {
    const [first] = this.#exceptions
    return first?.kind === 'opaque' && first.tx === this.next
  }

  /** Whether a confirmation of a subscription is what comes next. */
  get awaitsConfirmation(): boolean {
    const [first] = this.#exceptions
    return first?.kind === 'subscription' && first.tx === this.next
  }

  /** True when it was the last one due to `next`. An error answers a subscription whole. */
  confirmed(isError: boolean): boolean {
    const [first] = this.#exceptions
    if (first?.kind !== 'subscription' || first.tx !== this.next) return true
    return isError || --first.replies === 0
  }

  /** The reply to `next` is over. */
  advance(): void {
    if (this.#exceptions[0]?.tx === this.next) this.#exceptions.shift()
    this.next++
    this.#passSilent()
  }

  #passSilent(): void {
    const [first] = this.#exceptions
    if (first?.kind !== 'silent' || first.tx !== this.next) return
    this.next += first.transactions
    this.#exceptions.shift()
  }

  #isSilent({ spec, second, third }: Command): boolean {
    const before = this.#mode
    if (before === 'skip') this.#mode = 'on'
    if (spec.name !== 'CLIENT' || second !== 'REPLY') return before !== 'on'
    if (third === 'ON') this.#mode = 'on'
    else if (third === 'OFF') this.#mode = 'off'
    else if (third === 'SKIP' && before !== 'off') this.#mode = 'skip'
    return this.#mode !== 'on'
  }

  #addSilent(tx: TxId): void {
    const last = this.#exceptions.at(-1)
    if (last?.kind === 'silent' && last.tx + last.transactions === tx) last.transactions++
    else this.#add({ kind: 'silent', tx, transactions: 1 })
    this.#passSilent()
  }

  #add(exception: Exception): void {
    this.#exceptions.push(exception)
    if (this.#exceptions.length > EXCEPTIONS) this.isFollowed = false
  }
}
