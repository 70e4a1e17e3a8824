/** A live flow under a new policy: by the facts that are still known, at once. */
import { RULE_MIDSTREAM } from '../../core/policy/rule-id.js'
import type { Court } from './court.js'
import { cutOff, decree, judgeTransaction, refuse, setRuling } from './deliberate.js'
import { type Flow, IPPROTO_TCP, type Transaction } from './flow.js'
import type { Ruling } from './ruling.js'

/** Apps whose handshake is all that is ever read of them; QUIC's may have several attempts. */
const HANDSHAKES: ReadonlySet<string> = new Set(['tls', 'quic'])

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
    if (standsFor(flow, transaction)) {
      // A refusal says that nothing was done: not of a request that is out.
      const isOut = flow.tuple.protocol === IPPROTO_TCP && transaction.begin < orig
      judgeTransaction(court, flow, transaction, isOut ? cutOff : refuse)
    }
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
  return rulingOfHandshakes(court, flow) ?? court.rulings.by(RULE_MIDSTREAM, 'deny')
}

/** All that was ever read of the flow is still known; null = it is not. */
function rulingOfHandshakes(court: Court, flow: Flow): Ruling | null {
  const { transactions, transactionsTotal } = flow
  const isKnown = transactions.every(({ complete, app }) => complete && HANDSHAKES.has(app))
  if (!isKnown || transactions.length < transactionsTotal) return null
  const rulings = transactions.map((transaction) => court.evaluateTransaction(flow, transaction))
  return rulings.find(({ verdict }) => verdict !== 'allow') ?? rulings.at(-1) ?? null
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
