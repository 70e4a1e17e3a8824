/**
 * The chains of one endpoint in its pod's own tables, as data. Judged in mangle, whose hooks come before the
 * pod's filter rules; saved to the connection's mark in filter, since an accepted packet goes on at the next
 * hook, not at the next rule.
 */
import type { EndpointPath, Failure } from '../endpoint.js'

/** The octet of packet and connection mark that is ours; the rest is the pod's. */
export const MARK_MASK = 0xff00_0000
const MASK = '0xff000000'
const NO_MARK = `0x0/${MASK}`
const MARKS = 255

export interface RuledInterface {
  readonly endpointId: number
  readonly ifName: string
  /** `namespace/pod`. */
  readonly owner: string
  /** A packet on `lo` passes OUTPUT and INPUT: only the first counts. */
  readonly isLoopback: boolean
}

export interface RuledPath {
  readonly path: EndpointPath
  readonly failure: Failure
  /**
   * 1..255: how often what is decided for the endpoint has changed. A decided flow whose connection has
   * another one is judged anew.
   */
  readonly mark: number
}

/** The one after `mark`; never 0, which is "not decided". */
export function nextMark(mark: number): number {
  return 1 + (mark % MARKS)
}

/** Chain names of one instance in one namespace; XT_EXTENSION_MAXNAMELEN leaves 28 octets. */
export interface ChainNames {
  readonly in: string
  readonly out: string
  readonly save: string
  /** Before the endpoint's id. */
  readonly endpointPrefix: string
}

/** `tag`: a short digest of the instance's name. */
export function chainNames(tag: string): ChainNames {
  return {
    in: `vethwall-in-${tag}`,
    out: `vethwall-out-${tag}`,
    save: `vethwall-save-${tag}`,
    endpointPrefix: `vw-${tag}-`,
  }
}

export function endpointChain(names: ChainNames, endpointId: number): string {
  return `${names.endpointPrefix}${endpointId}`
}

const COMMENT_MAX = 200

/** Quoted; xt_comment holds 255 octets, and names come from CNI_ARGS. */
function comment(text: string): string {
  const plain = text
    .replace(/[^\w ./:,;()'-]/g, '_')
    .replaceAll("'", '')
    .slice(0, COMMENT_MAX)
  return `-m comment --comment "${plain}"`
}

/** A name ending in + would match others too. */
export function isNameable(ifName: string): boolean {
  return /^[\w.@-]{1,15}$/.test(ifName) && !ifName.startsWith('-')
}

export interface HookJump {
  readonly hook: 'INPUT' | 'FORWARD' | 'OUTPUT'
  /** From `-A HOOK` on. */
  readonly rule: string
}

/** The head of each hook, in order: a forwarded packet is judged where it comes in. */
export function mangleJumps(names: ChainNames): HookJump[] {
  const jump = (hook: HookJump['hook'], direction: string, chain: string): HookJump => {
    const text = comment(`vethwall: packets ${direction} the pod are judged first`)
    return { hook, rule: `${text} -j ${chain}` }
  }
  return [
    jump('INPUT', 'towards', names.in),
    jump('FORWARD', 'towards', names.in),
    jump('FORWARD', 'from', names.out),
    jump('OUTPUT', 'from', names.out),
  ]
}

export function filterJumps(names: ChainNames): HookJump[] {
  const text = comment('vethwall: a verdict for a whole flow is kept with its connection')
  const rule = `${text} -j ${names.save}`
  return (['INPUT', 'FORWARD', 'OUTPUT'] as const).map((hook) => ({ hook, rule }))
}

/** Before any interface's: what a process set with SO_MARK is nobody's verdict. */
export function clearingRule(): string {
  return `${comment('vethwall: a mark that a process set is no verdict')} -j MARK --set-xmark ${NO_MARK}`
}

export function inRule(names: ChainNames, of: RuledInterface): string | null {
  if (of.isLoopback) return null
  const text = comment(`${of.owner} ${of.ifName}: towards the pod`)
  return `-i ${of.ifName} ${text} -j ${endpointChain(names, of.endpointId)}`
}

export function outRule(names: ChainNames, of: RuledInterface): string {
  const text = comment(`${of.owner} ${of.ifName}: from the pod`)
  return `-o ${of.ifName} ${text} -j ${endpointChain(names, of.endpointId)}`
}

/** Our mark is not left on the packet: it may meet rules of the node later. */
export function saveRules(of: RuledInterface): string[] {
  const devices = of.isLoopback ? [`-o ${of.ifName}`] : [`-i ${of.ifName}`, `-o ${of.ifName}`]
  return devices.flatMap((device) => [
    `${device} -m mark ! --mark ${NO_MARK} ${comment(`${of.owner}: the flow is decided`)} -j CONNMARK --save-mark --nfmask ${MASK} --ctmask ${MASK}`,
    `${device} -m mark ! --mark ${NO_MARK} ${comment(`${of.owner}: the mark ends here`)} -j MARK --set-xmark ${NO_MARK}`,
  ])
}

function queueTarget({ endpointId }: RuledInterface, isBypassed: boolean): string {
  return `-j NFQUEUE --queue-num ${endpointId}${isBypassed ? ' --queue-bypass' : ''}`
}

const INLINE = 'judged by dpd'
const TAP = 'shown to dpd, and goes on'

function judgingRules(of: RuledInterface, { path, failure, mark }: RuledPath): string[] {
  const isTap = path === 'tap'
  const target = queueTarget(of, isTap || failure === 'open')
  const how = isTap ? TAP : INLINE
  const without = isTap || failure === 'open' ? 'passes' : 'is dropped'
  const decided = `-m connmark --mark 0x${(mark * 0x100_0000).toString(16)}/${MASK}`
  return [
    `-p tcp -m tcp ! --tcp-flags FIN,SYN,RST NONE ${comment(`${of.owner}: beginnings and ends of connections are always seen`)} ${target}`,
    `${decided} ${comment(`${of.owner}: flows decided under the policy in force`)} -j RETURN`,
    `${comment(`${of.owner}: ${how}; ${without} while dpd is away`)} ${target}`,
  ]
}

/** RETURN, never ACCEPT: the pod's own rules still hold. */
export function endpointRules(of: RuledInterface, setting: RuledPath): string[] {
  if (setting.path === 'tap' || setting.path === 'inline') return judgingRules(of, setting)
  if (setting.path === 'quarantine' && !of.isLoopback) {
    return [`${comment(`${of.owner}: quarantine, every packet is dropped`)} -j DROP`]
  }
  return [`${comment(`${of.owner}: not inspected`)} -j RETURN`]
}

/** What the endpoint's chain does, by its rules; null = none of ours. */
export function readRuledPath(of: RuledInterface, rules: readonly string[]): RuledPath | null {
  const mark = rules.map((rule) => /--mark 0x([0-9a-f]+)000000\//.exec(rule)?.[1]).find(Boolean)
  const markOctet = mark === undefined ? 0 : Number.parseInt(mark, 16)
  const settings: RuledPath[] = [
    { path: 'direct', failure: 'open', mark: 0 },
    { path: 'quarantine', failure: 'closed', mark: 0 },
    { path: 'tap', failure: 'open', mark: markOctet },
    { path: 'inline', failure: 'open', mark: markOctet },
    { path: 'inline', failure: 'closed', mark: markOctet },
  ]
  return settings.find((setting) => isSameRules(endpointRules(of, setting), rules)) ?? null
}

const TOKENS = /"(?:[^"\\]|\\.)*"|\S+/g

/** Options in a canonical order: iptables of different versions print matches in different ones. */
function canonical(rule: string): string {
  const groups: string[][] = []
  let negated = false
  for (const token of rule.match(TOKENS) ?? []) {
    if (token === '!') {
      negated = true
      continue
    }
    if (token.startsWith('-') || groups.length === 0) groups.push(negated ? ['!', token] : [token])
    else groups.at(-1)?.push(token)
    negated = false
  }
  const telling = groups.filter(([option]) => option !== '-m')
  return telling
    .map((group) => group.join(' '))
    .sort()
    .join(' ')
}

export function isSameRule(a: string, b: string): boolean {
  return a === b || canonical(a) === canonical(b)
}

export function isSameRules(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((rule, at) => isSameRule(rule, b[at] ?? ''))
}
