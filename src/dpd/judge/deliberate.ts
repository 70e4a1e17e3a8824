/**
 * From what a parser said to what the engine must do. Release follows the rules alone: octets leave
 * when every transaction that they belong to is allowed, in wire order, and not before.
 */
import type { Fact } from '../../core/inspect/contract.js'
import { withFields } from '../../core/inspect/fields-draft.js'
import { RULE_FAILURE, RULE_MALFORMED } from '../../core/policy/rule-id.js'
import type { Outcome } from '../dpi/outcome.js'
import type { Court } from './court.js'
import { type Flow, IPPROTO_UDP, type Reading, Transaction, type TransactionFact } from './flow.js'
import type { Ruling } from './ruling.js'

/** One outcome of an inspection, to its end: rulings, commands, reports. */
export function deliberate(court: Court, flow: Flow, reading: Reading, outcome: Outcome): void {
  const { inspection } = reading
  if (outcome.parserFault === true || outcome.state === 'malformed') {
    court.report.malformed(flow, outcome.clause ?? 'parser fault', outcome.parserFault === true)
  }
  for (const { app, fact } of outcome.facts) {
    if (flow.app !== app) changeApp(court, flow, app)
    apply(court, flow, fact, app)
    if (flow.phase === 'denied') return
  }
  if (inspection.app !== null && inspection.app !== flow.app) changeApp(court, flow, inspection.app)
  decree(court, flow, reading, ruleFlow(court, flow, reading, outcome))
  if (flow.phase === 'denied') return
  for (const { dir, octets } of outcome.needs) court.need(flow, dir, octets)
  for (const { dir, from, octets } of outcome.skips) court.skip(flow, dir, from, octets)
}

function changeApp(court: Court, flow: Flow, app: string): void {
  flow.app = app
  court.report.judged(flow)
}

function apply(court: Court, flow: Flow, fact: Fact, app: string): void {
  if (fact.kind === 'flow') {
    flow.fields = withFields(flow.fields, fact.fields)
    return
  }
  const known = flow.transaction(fact.tx)
  if (fact.kind === 'txEnd') {
    if (known !== undefined) endTransaction(court, flow, known)
    return
  }
  if (fact.dir === 'reply') {
    known?.add(fact)
    if (fact.resolved !== undefined && known?.ruling.verdict === 'allow')
      court.learn(flow, fact.resolved)
    const isAsked = known !== undefined && court.asks(flow).replies.includes(app)
    if (isAsked) judgeTransaction(court, flow, known, cutOff)
    return
  }
  known?.add(fact)
  judgeTransaction(court, flow, known ?? openTransaction(court, flow, app, fact))
}

function openTransaction(
  court: Court,
  flow: Flow,
  app: string,
  fact: TransactionFact,
): Transaction {
  const unruled = court.rulings.of({ verdict: 'undecided', rule: 0, needs: 'tx' })
  const transaction = new Transaction(app, fact, unruled)
  flow.add(transaction)
  return transaction
}

export function endTransaction(court: Court, flow: Flow, transaction: Transaction): void {
  if (transaction.ended) return
  court.report.transaction(flow, transaction)
  // Policy asks for none of the detail; what stays in memory for `why` is what policy asked for.
  transaction.end()
}

export function judgeTransaction(
  court: Court,
  flow: Flow,
  transaction: Transaction,
  answer: typeof refuse = refuse,
): void {
  const ruling = court.evaluateTransaction(flow, transaction)
  const isNews = ruling !== transaction.ruling
  transaction.ruling = ruling
  if (ruling.verdict === 'undecided') return
  // Where nothing is enforced a flow that would have been denied once would not have gone on.
  if (flow.endpoint.enforced || flow.ruling.verdict !== 'deny') setRuling(court, flow, ruling)
  if (ruling.verdict !== 'deny') return
  if (isNews) court.report.denied(flow, ruling, transaction)
  if (flow.endpoint.enforced && flow.phase === 'judging') answer(court, flow, transaction)
}

/** Over UDP: what would come after a denied transaction belongs to its connection. */
const CONNECTIONS: ReadonlySet<string> = new Set(['quic'])

/**
 * What is before the denied transaction goes out first; connections end here, with the protocol's own
 * answer where it has one at this point, and single datagrams go on.
 */
export function refuse(court: Court, flow: Flow, transaction: Transaction): void {
  const { ruling, begin } = transaction
  const refusal = flow.reading?.inspection.refusal(transaction.tx) ?? null
  court.release(flow, 'orig', begin, priorRule(flow, transaction))
  if (flow.tuple.protocol === IPPROTO_UDP && !CONNECTIONS.has(transaction.app)) {
    court.denyDatagram(flow, begin, ruling, refusal?.toOpener ?? null)
    endTransaction(court, flow, transaction)
  } else {
    court.denyFlow(flow, begin, ruling, refusal?.toOpener ?? null)
  }
}

/** The request is out; its answer stays here. */
export function cutOff(court: Court, flow: Flow, { ruling }: Transaction): void {
  court.denyFlow(flow, flow.reading?.released.orig ?? 0, ruling, null)
}

/** The rule of the allowed transaction just before, whose octets are released. */
function priorRule(flow: Flow, denied: Transaction): number {
  const before = flow.transactions.findLast(
    (other) => other.tx !== denied.tx && other.ruling.verdict === 'allow',
  )
  return before?.ruling.id ?? 0
}

export function setRuling(court: Court, flow: Flow, ruling: Ruling): void {
  if (flow.ruling === ruling) return
  flow.ruling = ruling
  court.report.judged(flow)
}

/** No transaction will ever say what the rules ask for. */
function isSilent(flow: Flow, { state }: Outcome): boolean {
  return state === 'malformed' || (state === 'done' && flow.transactionsTotal === 0)
}

/** The flow as a whole: without transactions, but malformed octets count where the rules need them. */
function ruleFlow(court: Court, flow: Flow, reading: Reading, outcome: Outcome): Ruling {
  const ruling = court.rule(flow, reading)
  if (ruling.verdict !== 'undecided') return ruling
  const { greets } = reading.inspection
  if (greets !== null && flow.endpoint.enforced) {
    return court.denialAs(flow, [greets, 'unknown']) ?? ruling
  }
  if (!isSilent(flow, outcome)) return ruling
  if (outcome.parserFault === true) {
    return court.rulings.by(RULE_FAILURE, flow.endpoint.failure === 'open' ? 'allow' : 'deny')
  }
  return court.rulings.by(RULE_MALFORMED, 'deny')
}

/** Acts on the ruling of a flow whose inspection is alive. */
export function decree(court: Court, flow: Flow, reading: Reading, ruling: Ruling): void {
  const wasJudged = flow.phase === 'judging'
  if (wasJudged) {
    if (ruling.verdict === 'deny') denyWhole(court, flow, reading, ruling)
    else if (ruling.verdict === 'allow') allowWhole(court, flow, reading, ruling)
    else releaseJudged(court, flow, reading, ruling)
  }
  if (flow.phase !== 'denied')
    endReading(court, flow, reading, wasJudged && flow.phase === 'settled')
}

function denyWhole(court: Court, flow: Flow, { released }: Reading, ruling: Ruling): void {
  const isNews = flow.ruling !== ruling
  setRuling(court, flow, ruling)
  if (isNews) court.report.denied(flow, ruling, null)
  if (flow.endpoint.enforced) court.denyFlow(flow, released.orig, ruling, null)
}

function allowWhole(court: Court, flow: Flow, reading: Reading, ruling: Ruling): void {
  if (flow.ruling.verdict === 'undecided' || flow.endpoint.enforced) setRuling(court, flow, ruling)
  if (isFinal(court, flow, reading)) {
    if (flow.endpoint.enforced) court.settle(flow, ruling)
    return
  }
  court.release(flow, 'orig', reading.inspection.covered('orig'), ruling.id)
  court.release(flow, 'reply', reading.delivered.reply, ruling.id)
}

function isFinal(court: Court, flow: Flow, reading: Reading): boolean {
  const { inspection } = reading
  if (inspection.state === 'malformed') return true
  const app = inspection.app
  if (app === null) return true
  const settlement = court.settlement(flow, reading, app)
  if (settlement === 'final') return true
  return settlement === 'app' && inspection.state === 'done'
}

/** Per transaction: up to the first that is not allowed yet. */
function releaseJudged(court: Court, flow: Flow, reading: Reading, ruling: Ruling): void {
  const { inspection } = reading
  // An app that no parser knows yet may still be denied as such: then nothing may have passed. Only a
  // greeting has to, and it says nothing that a server could not say in an app that is allowed.
  if (inspection.app === null) {
    court.release(flow, 'orig', inspection.covered('orig'), flow.ruling.id)
    const greeted =
      inspection.greets === null ? inspection.covered('reply') : reading.delivered.reply
    court.release(flow, 'reply', greeted, flow.ruling.id)
    return
  }
  const open = flow.transactions.find((transaction) => transaction.ruling.verdict === 'undecided')
  const upTo = Math.min(inspection.covered('orig'), open?.begin ?? Number.MAX_SAFE_INTEGER)
  const last = flow.transactions.at(-1)?.ruling ?? ruling
  if (inspection.state === 'done' && open === undefined && last.verdict === 'allow') {
    if (flow.endpoint.enforced) court.settle(flow, last)
    return
  }
  court.release(flow, 'orig', upTo, last.id)
  const isReplyAsked = court.asks(flow).replies.includes(inspection.app)
  const answered = isReplyAsked ? inspection.covered('reply') : reading.delivered.reply
  court.release(flow, 'reply', answered, last.id)
}

/** What it is, and what its first transaction says. */
function isIdentified({ app, transactions, transactionsTotal }: Flow): boolean {
  return app !== null && (transactionsTotal > 1 || transactions.some(({ complete }) => complete))
}

/** Whether more of its octets could tell anything that somebody asked for. */
function isRead(flow: Flow, { inspection }: Reading): boolean {
  if (inspection.state !== 'probing' && inspection.state !== 'parsing') return true
  const { depth, enforced } = flow.endpoint
  if (enforced && flow.phase === 'judging') return false
  return depth === 'rules' || (depth === 'identify' && isIdentified(flow))
}

/** Octets that would still come are not worth their way. `wasSettled`: the engine has heard so. */
function endReading(court: Court, flow: Flow, reading: Reading, wasSettled: boolean): void {
  if (!isRead(flow, reading) && !(wasSettled && flow.endpoint.depth !== 'content')) return
  for (const transaction of flow.transactions) endTransaction(court, flow, transaction)
  flow.reading = null
  if (flow.endpoint.depth === 'content') {
    court.skip(flow, 'orig', reading.delivered.orig, 'toEnd')
    court.skip(flow, 'reply', reading.delivered.reply, 'toEnd')
    return
  }
  const waits = flow.endpoint.enforced && flow.phase === 'judging'
  if (!wasSettled && !waits) court.settle(flow, flow.ruling)
}
