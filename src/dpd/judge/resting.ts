/**
 * A flow whose octets are judged, while nothing comes of it: its reading and its transactions are a text of some
 * hundred octets in place of forty objects. The flow itself stays as it is.
 */
import type { Parser } from '../../core/inspect/contract.js'
import { Inspection } from '../dpi/stream.js'
import { type Flow, transportOf } from './flow.js'
import { readFlow, restoreTransactions, saveFlow } from './saved-flow.js'

/** Leaves it as it is where a message or a transaction is under way. */
export function putToRest(flow: Flow): void {
  const text = flow.reading === null ? null : saveFlow(flow, flow.reading)
  if (text !== null) flow.rest(text)
}

export function wake(flow: Flow, parsers: readonly Parser<unknown>[]): void {
  const transport = transportOf(flow.tuple)
  if (flow.atRest === null || transport === null) return
  const saved = readFlow(flow.atRest)
  const [inspection, delivered, out] = saved
  const released = out === 0 ? delivered : out
  const view = { flow: flow.id, tuple: flow.tuple, transport }
  flow.wake(
    {
      inspection: Inspection.restore(view, parsers, inspection),
      released: { orig: released[0], reply: released[1] },
      delivered: { orig: delivered[0], reply: delivered[1] },
      standing: null,
      place: -1,
    },
    restoreTransactions(flow, saved),
  )
}
