/** The text that a flow at rest is kept as. It was written by this process, and is read by no other. */
import type { At, Dir } from '../../core/inspect/contract.js'
import type { SavedInspection } from '../dpi/saved-inspection.js'
import type { Ruling } from './ruling.js'
import { type SavedTransaction, Transaction } from './transaction.js'

/** Of a flow, what a text keeps besides its reading, and what is not kept twice. */
interface Judged {
  readonly app: string | null
  readonly ruling: Ruling
  readonly transactions: readonly Transaction[]
}

interface Progress {
  readonly inspection: { save(): SavedInspection | null }
  readonly delivered: Readonly<Record<Dir, At>>
  readonly released: Readonly<Record<Dir, At>>
}

type Positions = readonly [orig: At, reply: At]

export type SavedFlow = readonly [
  inspection: SavedInspection,
  delivered: Positions,
  /** 0 = as delivered. */
  released: Positions | 0,
  transactions: readonly OfFlow[],
  /** Left out where all are the flow's. */
  rulings?: readonly Ruling[],
]

/** `ruling`: its place among `rulings`; -1 = the flow's. `app`: 0 = the flow's. */
type OfFlow = readonly [ruling: number, app: string | 0, ...SavedTransaction]

const scratch = Buffer.allocUnsafe(4_096)

/** null = something is under way. */
export function saveFlow(
  flow: Judged,
  { inspection, delivered, released }: Progress,
): string | null {
  const saved = inspection.save()
  const rulings: Ruling[] = []
  const transactions = saved === null ? null : saveTransactions(flow, rulings)
  if (saved === null || transactions === null) return null
  const isOut = released.orig === delivered.orig && released.reply === delivered.reply
  const whole = [
    saved,
    [delivered.orig, delivered.reply],
    isOut ? 0 : [released.orig, released.reply],
    transactions,
  ] satisfies SavedFlow
  return inOnePiece(JSON.stringify(rulings.length === 0 ? whole : [...whole, rulings]))
}

/** What JSON.stringify returns may be parts linked together, half as large again. */
function inOnePiece(text: string): string {
  if (text.length > scratch.length) return text
  const copy = scratch.toString('latin1', 0, scratch.write(text, 'latin1'))
  // Names in UTF-8 may be in it.
  return copy === text ? copy : text
}

export const readFlow = (text: string): SavedFlow => JSON.parse(text)

function saveTransactions(flow: Judged, rulings: Ruling[]): readonly OfFlow[] | null {
  const all: OfFlow[] = []
  for (const transaction of flow.transactions) {
    const one = transaction.save()
    if (one === null) return null
    const { app, ruling } = transaction
    all.push([
      ruling === flow.ruling ? -1 : placeOf(rulings, ruling),
      app === flow.app ? 0 : app,
      ...one,
    ])
  }
  return all
}

function placeOf(rulings: Ruling[], ruling: Ruling): number {
  const place = rulings.indexOf(ruling)
  return place < 0 ? rulings.push(ruling) - 1 : place
}

export function restoreTransactions(
  { app, ruling }: Pick<Judged, 'app' | 'ruling'>,
  [, , , transactions, rulings = []]: SavedFlow,
): readonly Transaction[] {
  return transactions.map(([place, itsApp, ...one]) =>
    Transaction.restore(itsApp === 0 ? (app ?? '') : itsApp, one, rulings[place] ?? ruling),
  )
}
