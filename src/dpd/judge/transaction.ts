/** One request and its reply, as the judge knows them. */
import type { At, Fact, Fields, TxId } from '../../core/inspect/contract.js'
import { type FieldsDraft, withFields } from '../../core/inspect/fields-draft.js'
import type { Ruling } from './ruling.js'
import { restoreFields, type SavedFields, saveFields } from './saved-fields.js'

/** One that has ended. `complete`: 1 = it is. */
export type SavedTransaction = readonly [
  tx: TxId,
  begin: At,
  complete: number,
  request: SavedFields,
  reply: SavedFields | null,
  kept?: readonly string[],
]

type Detail = () => Fields

function both(first: Detail | null, second: Detail | null): Detail | null {
  if (first === null || second === null) return first ?? second
  return () => withFields(second(), first())
}

export const NO_FIELDS: Fields = Object.freeze({})
const NO_NAMES: readonly string[] = Object.freeze([])

export type TransactionFact = Extract<Fact, { readonly kind: 'tx' }>

export class Transaction {
  readonly tx: TxId
  readonly app: string
  readonly begin: At
  /** Of the request: what policy asks for. */
  request: Fields
  reply: Fields | null = null
  #detail: Detail | null
  /** Of header fields: those that policy has asked for, there or not. */
  #kept: readonly string[] = NO_NAMES
  complete: boolean
  ended = false

  constructor(
    app: string,
    fact: TransactionFact,
    public ruling: Ruling,
  ) {
    this.tx = fact.tx
    this.app = app
    this.begin = fact.begin
    this.request = fact.fields
    this.#detail = fact.detail ?? null
    this.complete = fact.complete
  }

  static restore(app: string, saved: SavedTransaction, ruling: Ruling): Transaction {
    const [tx, begin, complete, request, reply, kept = NO_NAMES] = saved
    const fields = restoreFields(request)
    const fact = { kind: 'tx', tx, dir: 'orig', begin, fields, complete: complete === 1 } as const
    const transaction = new Transaction(app, fact, ruling)
    transaction.reply = reply === null ? null : restoreFields(reply)
    transaction.#kept = kept
    transaction.ended = true
    return transaction
  }

  /** null = it goes on, or says what no text can hold. */
  save(): SavedTransaction | null {
    const request = this.ended ? saveFields(this.request) : null
    const reply = this.reply === null ? null : saveFields(this.reply)
    if (request === null || (reply === null && this.reply !== null)) return null
    const saved = [this.tx, this.begin, this.complete ? 1 : 0, request, reply] as const
    return this.#kept.length === 0 ? saved : [...saved, this.#kept]
  }

  /** What the request said stands. */
  get judged(): Fields {
    return this.reply === null ? this.request : withReply(this.request, this.reply)
  }

  /** As `judged`, with these header fields; they stay for the next generation to ask for. */
  withHeaders(names: readonly string[]): Fields {
    const unkept = names.filter((name) => !this.#kept.includes(name))
    if (unkept.length > 0) {
      this.request = withFields(this.request, headersOf(this.#remembered(), unkept))
      this.#kept = [...this.#kept, ...unkept]
    }
    return this.judged
  }

  /** Null = it is gone. */
  #remembered(): Fields | null {
    return this.#detail?.() ?? (this.ended ? null : NO_FIELDS)
  }

  get fields(): Fields {
    return this.#detail === null ? this.judged : withFields(this.judged, this.#detail())
  }

  add(fact: TransactionFact): void {
    if (fact.dir === 'orig') {
      this.request = withFields(this.request, fact.fields)
      this.complete = fact.complete
      this.#kept = NO_NAMES
    } else {
      this.reply = this.reply === null ? fact.fields : withFields(fact.fields, this.reply)
    }
    this.#detail = both(this.#detail, fact.detail ?? null)
  }

  end(): void {
    this.ended = true
    this.#detail = null
  }
}

function withReply(request: Fields, reply: Fields): Fields {
  const all: FieldsDraft = { ...request }
  for (const name in reply) if (!(name in request)) all[name] = reply[name] as Fields[string]
  return all
}

/** Header fields of a request; one that is gone can be any: it is ambiguous. */
function headersOf(detail: Fields | null, names: readonly string[]): Fields {
  const picked: FieldsDraft = {}
  for (const name of names) {
    const value = detail?.[`header.${name}`]
    if (value !== undefined) picked[`header.${name}`] = value
    const flag = `ambiguousHeader.${name}`
    if (detail === null || detail[flag] === true) picked[flag] = true
  }
  return picked
}
