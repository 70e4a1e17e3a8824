/**
 * From the tables as they are to what iptables-restore --noflush is told, in one transaction: declaring a chain
 * empties it, so that a chain is always written whole; rules of others are never touched.
 */
import {
  type ChainNames,
  clearingRule,
  endpointChain,
  endpointRules,
  filterJumps,
  type HookJump,
  inRule,
  isSameRule,
  isSameRules,
  mangleJumps,
  outRule,
  type RuledInterface,
  type RuledPath,
  readRuledPath,
  saveRules,
} from './pod-chains.js'
import { deviceOf, type SavedTable, type SavedTables, targetOf } from './saved-tables.js'

/** One chain that is not as it should be. */
export interface ChainDifference {
  readonly chain: string
  readonly want: string
  readonly have: string
}

type Chains = ReadonlyMap<string, readonly string[]>

const rulesOf = ({ chains }: SavedTable, chain: string): readonly string[] =>
  chains.get(chain) ?? []

function table(name: string, declared: readonly string[], lines: readonly string[]): string[] {
  return [`*${name}`, ...declared.map((chain) => `:${chain} - [0:0]`), ...lines, 'COMMIT']
}

const appended = (chain: string, rules: readonly string[]): string[] =>
  rules.map((rule) => `-A ${chain} ${rule}`)

const inHook = (jumps: readonly HookJump[], hook: string): string[] =>
  jumps.filter((jump) => jump.hook === hook).map(({ rule }) => rule)

const HOOKS = ['INPUT', 'FORWARD', 'OUTPUT'] as const

/** Ours in that hook, wherever they stand. */
function foundJumps(saved: SavedTable, hook: string, wanted: readonly string[]): string[] {
  const targets = wanted.map(targetOf)
  return rulesOf(saved, hook).filter((rule) => targets.includes(targetOf(rule)))
}

function isFirst(saved: SavedTable, hook: string, wanted: readonly string[]): boolean {
  const head = rulesOf(saved, hook).slice(0, wanted.length)
  return isSameRules(wanted, head) && foundJumps(saved, hook, wanted).length === wanted.length
}

/** Moved to the head where somebody stands before them. */
function jumpLines(saved: SavedTable, jumps: readonly HookJump[]): string[] {
  return HOOKS.flatMap((hook) => {
    const wanted = inHook(jumps, hook)
    if (isFirst(saved, hook, wanted)) return []
    return [
      ...foundJumps(saved, hook, wanted).map((rule) => `-D ${hook} ${rule}`),
      ...wanted.map((rule, at) => `-I ${hook} ${at + 1} ${rule}`),
    ]
  })
}

function unjumpLines(saved: SavedTable, jumps: readonly HookJump[]): string[] {
  return HOOKS.flatMap((hook) =>
    foundJumps(saved, hook, inHook(jumps, hook)).map((rule) => `-D ${hook} ${rule}`),
  )
}

/** Lines of the instance's other endpoints in one of its chains, as they are. */
function others(saved: SavedTable, chain: string, names: ChainNames, ifName: string): string[] {
  return rulesOf(saved, chain).filter((rule) => {
    const target = targetOf(rule)
    const isOurs = target.startsWith(names.endpointPrefix) && saved.chains.has(target)
    return deviceOf(rule) !== ifName && deviceOf(rule) !== '' && isOurs
  })
}

function otherSaves(saved: SavedTable, names: ChainNames, ifName: string): string[] {
  return rulesOf(saved, names.save).filter(
    (rule) => deviceOf(rule) !== '' && deviceOf(rule) !== ifName,
  )
}

/** Chains that an earlier endpoint of this interface has left. */
function deadChains(saved: SavedTable, names: ChainNames, of: RuledInterface): string[] {
  const own = endpointChain(names, of.endpointId)
  const targets = [names.in, names.out].flatMap((chain) =>
    rulesOf(saved, chain)
      .filter((rule) => deviceOf(rule) === of.ifName)
      .map(targetOf),
  )
  return [...new Set(targets)].filter(
    (chain) => chain !== own && chain.startsWith(names.endpointPrefix) && saved.chains.has(chain),
  )
}

const dropped = (chains: readonly string[]): string[] =>
  chains.flatMap((chain) => [`-F ${chain}`, `-X ${chain}`])

/** What puts one endpoint's rules in force, whatever of them is there. */
export function installText(
  saved: SavedTables,
  names: ChainNames,
  of: RuledInterface,
  setting: RuledPath,
): string {
  const { mangle, filter } = saved
  const own = endpointChain(names, of.endpointId)
  const first = clearingRule()
  const entry = inRule(names, of)
  const lines = [
    ...table(
      'mangle',
      [names.in, names.out, own],
      [
        ...appended(own, endpointRules(of, setting)),
        ...appended(names.in, [first, ...others(mangle, names.in, names, of.ifName)]),
        ...appended(names.in, entry === null ? [] : [entry]),
        ...appended(names.out, [first, ...others(mangle, names.out, names, of.ifName)]),
        ...appended(names.out, [outRule(names, of)]),
        ...dropped(deadChains(mangle, names, of)),
        ...jumpLines(mangle, mangleJumps(names)),
      ],
    ),
    ...table(
      'filter',
      [names.save],
      [
        ...appended(names.save, [...otherSaves(filter, names, of.ifName), ...saveRules(of)]),
        ...jumpLines(filter, filterJumps(names)),
      ],
    ),
  ]
  return `${lines.join('\n')}\n`
}

/** Another path of an endpoint whose rules stand: its chain alone. */
export function pathText(names: ChainNames, of: RuledInterface, setting: RuledPath): string {
  const own = endpointChain(names, of.endpointId)
  return `${table('mangle', [own], appended(own, endpointRules(of, setting))).join('\n')}\n`
}

/** null = nothing of it is there. */
export function removeText(
  saved: SavedTables,
  names: ChainNames,
  of: RuledInterface,
): string | null {
  const lines = [
    ...removeJudging(saved.mangle, names, of),
    ...removeSaving(saved.filter, names, of),
  ]
  return lines.length === 0 ? null : `${lines.join('\n')}\n`
}

function removeJudging(saved: SavedTable, names: ChainNames, of: RuledInterface): string[] {
  const own = endpointChain(names, of.endpointId)
  const tops = [names.in, names.out].filter((chain) => saved.chains.has(chain))
  const gone = [own, ...deadChains(saved, names, of)].filter((chain) => saved.chains.has(chain))
  if (tops.length === 0 && gone.length === 0) return []
  const left = tops.map((chain) => ({
    chain,
    rules: others(saved, chain, names, of.ifName),
  }))
  if (left.some(({ rules }) => rules.length > 0)) {
    const bodies = left.flatMap(({ chain, rules }) => appended(chain, [clearingRule(), ...rules]))
    return table('mangle', tops, [...bodies, ...dropped(gone)])
  }
  const flushed = [...tops, ...gone]
  return table(
    'mangle',
    [],
    [
      ...unjumpLines(saved, mangleJumps(names)),
      ...flushed.map((chain) => `-F ${chain}`),
      ...flushed.map((chain) => `-X ${chain}`),
    ],
  )
}

function removeSaving(saved: SavedTable, names: ChainNames, of: RuledInterface): string[] {
  if (!saved.chains.has(names.save)) return []
  const left = otherSaves(saved, names, of.ifName)
  if (left.length > 0) return table('filter', [names.save], appended(names.save, left))
  const lines = [...unjumpLines(saved, filterJumps(names)), ...dropped([names.save])]
  return table('filter', [], lines)
}

function difference(chain: string, want: readonly string[], have: Chains): ChainDifference[] {
  const rules = have.get(chain)
  if (rules !== undefined && isSameRules(want, rules)) return []
  return [{ chain, want: want.join('; '), have: rules === undefined ? 'none' : rules.join('; ') }]
}

function jumpDifferences(saved: SavedTable, jumps: readonly HookJump[]): ChainDifference[] {
  return HOOKS.flatMap((hook): ChainDifference[] => {
    const wanted = inHook(jumps, hook)
    if (isFirst(saved, hook, wanted)) return []
    const chain = `head of ${hook}`
    const have = rulesOf(saved, hook).slice(0, wanted.length).join('; ')
    return [{ chain, want: wanted.join('; '), have: have === '' ? 'none' : have }]
  })
}

/** Without `setting`: any path that is one of ours is good. */
export function differences(
  saved: SavedTables,
  names: ChainNames,
  of: RuledInterface,
  setting: RuledPath | null,
): ChainDifference[] {
  const { mangle, filter } = saved
  const own = endpointChain(names, of.endpointId)
  const wanted = setting ?? readRuledPath(of, rulesOf(mangle, own))
  const body =
    wanted === null
      ? [{ chain: own, want: 'a path', have: rulesOf(mangle, own).join('; ') || 'none' }]
      : difference(own, endpointRules(of, wanted), mangle.chains)
  const entry = inRule(names, of)
  const top = (chain: string, rule: string | null) => {
    const rest = others(mangle, chain, names, of.ifName)
    const have = rulesOf(mangle, chain)
    // Ours may stand between others': only the clearing rule has a place of its own.
    const at = rule === null ? -1 : have.findIndex((line) => isSameRule(line, rule))
    const place = at < 1 ? rest.length : Math.min(at - 1, rest.length)
    const ours = rule === null ? [] : [rule]
    const want = [clearingRule(), ...rest.slice(0, place), ...ours, ...rest.slice(place)]
    return difference(chain, want, mangle.chains)
  }
  return [
    ...body,
    ...top(names.in, entry),
    ...top(names.out, outRule(names, of)),
    ...jumpDifferences(mangle, mangleJumps(names)),
    ...savingDifferences(filter, names, of),
  ]
}

function savingDifferences(
  saved: SavedTable,
  names: ChainNames,
  of: RuledInterface,
): ChainDifference[] {
  const jumps = jumpDifferences(saved, filterJumps(names))
  const own = rulesOf(saved, names.save).filter(
    (rule) => deviceOf(rule) === of.ifName || deviceOf(rule) === '',
  )
  if (isSameRules(saveRules(of), own)) return jumps
  const want = saveRules(of).join('; ')
  return [...jumps, { chain: names.save, want, have: own.join('; ') || 'none' }]
}
