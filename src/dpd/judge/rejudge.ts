/** A live flow under a new policy: by the facts that are still known, at once. */
import { RULE_MIDSTREAM } from '../../core/policy/rule-id.js'
import type { Court } from './court.js'
import { decree, judgeTransaction, setRuling } from './deliberate.js'
import { type Flow, IPPROTO_TCP, type Transaction } from './flow.js'
import type { Ruling } from './ruling.js'

export function rejudge(court: Court, flow: Flow): void {
  // Octets of a flow that L4 alone allowed went on unheld while it was identified.
  if (flow.phase === 'settled' && flow.endpoint.depth !== 'content') flow.reading = null
  const { reading } = flow
  if (reading === null || isDenied(flow)) {
    rejudgeSettled(court, flow)
    return
  }
  // What the last generation's commands released may not have arrived in time: say it again.
  const { released } = reading
  const { orig, reply } = released
  released.orig = 0
  released.reply = 0
  if (flow.phase === 'settled') flow.phase = 'judging'
  for (const transaction of flow.transactions) {
    if (standsFor(flow, transaction)) judgeTransaction(court, flow, transaction)
    if (isDenied(flow)) return
  }
  decree(court, flow, reading, court.rule(flow, reading))
  if (isDenied(flow)) return
  court.release(flow, 'orig', orig, flow.ruling.id)
  court.release(flow, 'reply', reply, flow.ruling.id)
}

/**
 * Its octets went by uninspected. What the rules would have to see of it is gone: as midstream, it
 * stays only if it is allowed without.
 */
function rejudgeSettled(court: Court, flow: Flow): void {
  const ruling = rulingWithoutOctets(court, flow)
  const wasDenied = flow.ruling.verdict === 'deny'
  setRuling(court, flow, ruling)
  if (!flow.endpoint.enforced) return
  if (ruling.verdict === 'allow') {
    court.settle(flow, ruling)
    return
  }
  if (!wasDenied) {
    court.report.denied(flow, ruling, null)
    court.denyFlow(flow, flow.reading?.released.orig ?? 0, ruling, null)
  }
}

function rulingWithoutOctets(court: Court, flow: Flow): Ruling {
  const ruling = court.evaluate(flow, { app: flow.app })
  if (ruling.verdict !== 'undecided') return ruling
  const last = flow.transactions.at(-1)
  // A single transaction that was the whole of its flow (a TLS handshake) is still known.
  if (last?.complete && flow.transactionsTotal === 1 && last.app === 'tls') {
    const { app, judged: fields, complete } = last
    return court.evaluate(flow, { app, tx: { app, fields, complete } })
  }
  return court.rulings.by(RULE_MIDSTREAM, 'deny')
}

/** Those under way; and of a stream at rest the last one: it is what is known of it. */
function standsFor(flow: Flow, transaction: Transaction): boolean {
  if (!transaction.ended) return true
  const isStream = flow.tuple.protocol === IPPROTO_TCP
  return isStream && transaction === flow.transactions.at(-1)
}

/** A call, because other calls change the phase in between. */
function isDenied(flow: Flow): boolean {
  return flow.phase === 'denied'
}
