/**
 * The verdict on a connection, or on one of its transactions, from what is known so far: deny if
 * every completion of the facts denies, allow if every one allows, else undecided. The engine does
 * the same from the L4 block while the app is not known (`native/policy/l4_table.cc`).
 */
import type { RuleId } from '../inspect/contract.js'
import { type AddressWords, addressWords, rangesContain } from './address-ranges.js'
import { ALL_APPS } from './app-classes.js'
import type { CompiledDirection, CompiledPolicy, CompiledRule } from './compiled.js'
import { matchBinding, NO_PEER_NAMES, type PeerNames } from './fqdn.js'
import { TRANSPORTS } from './model.js'
import {
  RULE_DEFAULT_DENY,
  RULE_NODE,
  RULE_NONE,
  RULE_NOT_ISOLATED,
  RULE_QUARANTINE,
  RULE_SELF,
} from './rule-id.js'
import { matchingRules } from './rule-index.js'
import {
  matchBlocks,
  NO,
  type Question,
  questionsOf,
  type Ternary,
  type Transaction,
  UNKNOWN,
  YES,
} from './transaction.js'

export type { Transaction } from './transaction.js'

/** Always as opener → receiver. */
export interface Connection {
  /** opener: podEgress is judged, receiver: podIngress. */
  readonly podSide: 'opener' | 'receiver'
  readonly protocol: number
  readonly source: string
  readonly destination: string
  /** Ignored for protocols without ports. */
  readonly destinationPort: number
}

export interface Facts {
  /** null = not known yet; 'unknown' = no parser is left. */
  readonly app: string | null
  readonly tx?: Transaction
}

export interface Decision {
  readonly verdict: 'allow' | 'deny' | 'undecided'
  /** 0 while undecided. */
  readonly rule: RuleId
  /** What would decide. */
  readonly needs: 'app' | 'tx' | null
}

export interface Verdict extends Decision {
  /** What it would be with the staged policies in force; null where none applies. */
  readonly wouldStage: Decision | null
}

const DNS_PORT = 53

const allow = (rule: RuleId): Decision => ({ verdict: 'allow', rule, needs: null })
const deny = (rule: RuleId): Decision => ({ verdict: 'deny', rule, needs: null })
const NEEDS_APP: Decision = { verdict: 'undecided', rule: RULE_NONE, needs: 'app' }
const NEEDS_TX: Decision = { verdict: 'undecided', rule: RULE_NONE, needs: 'tx' }

export function evaluate(
  compiled: CompiledPolicy,
  endpointId: number,
  connection: Connection,
  facts: Facts,
  names: PeerNames = NO_PEER_NAMES,
): Verdict {
  const verdict = evaluateRules(compiled, endpointId, connection, facts, names)
  const isOpen = verdict.verdict === 'allow' && facts.app === null && facts.tx === undefined
  return isOpen && teaches(compiled, endpointId, connection)
    ? { ...verdict, ...NEEDS_APP }
    : verdict
}

/**
 * Whether answers on the connection tell the pod, and so its rules, what names stand for. They pass
 * only when they are learned, so it is read even where any answer is allowed.
 */
export function teaches(
  compiled: CompiledPolicy,
  endpointId: number,
  { podSide, protocol, destination, destinationPort }: Connection,
): boolean {
  if (podSide !== 'opener' || destinationPort !== DNS_PORT) return false
  if (protocol !== TRANSPORTS.UDP && protocol !== TRANSPORTS.TCP) return false
  const endpoint = compiled.endpoint(endpointId)
  if (endpoint === null || !endpoint.egress.asks.names) return false
  return rangesContain(compiled.resolvers, addressWords(destination))
}

/** As `evaluate`, of a connection whose answers teach nobody any more. */
export function evaluateRules(
  compiled: CompiledPolicy,
  endpointId: number,
  connection: Connection,
  facts: Facts,
  names: PeerNames = NO_PEER_NAMES,
): Verdict {
  const endpoint = compiled.endpoint(endpointId)
  if (endpoint === null) return final(allow(RULE_NOT_ISOLATED))
  if (endpoint.quarantined) return final(deny(RULE_QUARANTINE))
  const isOpener = connection.podSide === 'opener'
  const peer = addressWords(isOpener ? connection.destination : connection.source)
  if (rangesContain(endpoint.addresses, peer)) return final(allow(RULE_SELF))
  if (!isOpener && rangesContain(compiled.nodeAddresses, peer)) return final(allow(RULE_NODE))
  const direction = isOpener ? endpoint.egress : endpoint.ingress
  const { verdict, rule, needs } = judge(direction, { connection, peer, names }, facts)
  const { staged } = direction
  const wouldStage = staged === null ? null : judge(staged, { connection, peer, names }, facts)
  return { verdict, rule, needs, wouldStage }
}

function final({ verdict, rule, needs }: Decision): Verdict {
  return { verdict, rule, needs, wouldStage: null }
}

interface Parties {
  readonly connection: Connection
  readonly peer: AddressWords
  readonly names: PeerNames
}

function judge(direction: CompiledDirection, parties: Parties, facts: Facts): Decision {
  const app = appOf(parties.connection, facts)
  if (app === null) return judgeApps(direction, parties)
  if (facts.tx === undefined || facts.tx.app !== app) {
    return judgeQuestion(direction, parties, app, null)
  }
  const questions = questionsOf(facts.tx)
  let decision: Decision | null = null
  for (const question of questions) {
    const next = judgeQuestion(direction, parties, app, question)
    if (next.verdict === 'deny') return next
    if (decision === null || next.verdict === 'undecided') decision = next
  }
  return decision ?? NEEDS_TX
}

/** No parser reads anything but TCP and UDP: there the app never comes. */
function appOf(connection: Connection, facts: Facts): string | null {
  const { protocol } = connection
  if (protocol !== TRANSPORTS.TCP && protocol !== TRANSPORTS.UDP) return 'unknown'
  return facts.app ?? facts.tx?.app ?? null
}

/** Over all apps at once: one bit per class of apps that the rules tell apart. */
function judgeApps(
  { rules, isolated }: CompiledDirection,
  { connection, peer, names }: Parties,
): Decision {
  let surelyDenied = 0
  let maybeDenied = 0
  let surelyAllowed = 0
  let maybeAllowed = 0
  let allowing = RULE_NONE
  for (const rule of matchingRules(rules, connection, peer, names)) {
    if (rule.deny) {
      if (rule.certain === ALL_APPS) return deny(rule.id)
      surelyDenied |= rule.certain
      maybeDenied |= rule.possible
    } else {
      if (rule.certain === ALL_APPS && allowing === RULE_NONE) allowing = rule.id
      surelyAllowed |= rule.certain
      maybeAllowed |= rule.possible
    }
  }
  const denied = isolated ? surelyDenied | ~maybeAllowed : surelyDenied
  if (denied === ALL_APPS) return deny(RULE_DEFAULT_DENY)
  const allowed = (isolated ? surelyAllowed : ALL_APPS) & ~maybeDenied
  if (allowed === ALL_APPS) return allow(allowing === RULE_NONE ? RULE_NOT_ISOLATED : allowing)
  return NEEDS_APP
}

function judgeQuestion(
  { rules, isolated }: CompiledDirection,
  { connection, peer, names }: Parties,
  app: string,
  question: Question | null,
): Decision {
  let maybeDenied = false
  let maybeAllowed = false
  let allowing = RULE_NONE
  for (const rule of matchingRules(rules, connection, peer, names)) {
    const value = matchL7(rule, app, question, names)
    if (value === NO) continue
    if (rule.deny) {
      if (value === YES) return deny(rule.id)
      maybeDenied = true
    } else if (value === UNKNOWN) {
      maybeAllowed = true
    } else if (allowing === RULE_NONE) {
      allowing = rule.id
    }
  }
  if (allowing === RULE_NONE && isolated) {
    return maybeAllowed ? NEEDS_TX : deny(RULE_DEFAULT_DENY)
  }
  if (maybeDenied) return NEEDS_TX
  return allow(allowing === RULE_NONE ? RULE_NOT_ISOLATED : allowing)
}

function matchL7(
  rule: CompiledRule,
  app: string,
  question: Question | null,
  names: PeerNames,
): Ternary {
  if (rule.apps !== null && !rule.apps.has(app)) return NO
  const binding = matchBinding(rule, app, question, names)
  if (binding === NO || rule.entries.length === 0) return binding
  const blocks = question === null ? UNKNOWN : matchBlocks(rule, question)
  return blocks < binding ? blocks : binding
}
