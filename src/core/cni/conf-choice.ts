/**
 * Which file of the CNI configuration directory a runtime takes, and what our entry needs in it. libcni's
 * rules: *.conf, *.conflist and *.json in lexical order, the first valid one wins; only a .conflist holds
 * a list, the others are one plugin each.
 */
import {
  appendEntry,
  type Conflist,
  type Entry,
  instanceOfEntry,
  listProblem,
  readConflist,
} from './conflist.js'

export const CONF_NAME = /\.(conf|conflist|json)$/

export interface ConfFile {
  readonly name: string
  /** null = it can't be read. */
  readonly text: string | null
}

/** `none`, `single`, `unfit` and `foreign` need an operator, or the primary plugin's own writer. */
export type ConfState =
  | {
      readonly kind: 'carried'
      readonly file: string
      readonly text: string
      readonly entry: Entry
    }
  | {
      readonly kind: 'repair'
      readonly file: string
      readonly need: 'missing' | 'repeated'
      /** What was read, and what is to stand there. */
      readonly text: string
      readonly repaired: string
    }
  | { readonly kind: 'none' }
  | { readonly kind: 'single'; readonly file: string; readonly carriedBy: string | null }
  | { readonly kind: 'unfit'; readonly file: string; readonly reason: string }
  | { readonly kind: 'foreign'; readonly file: string; readonly instance: string }

export interface PassedOver {
  readonly file: string
  readonly reason: string
}

export interface ConfDecision {
  readonly state: ConfState
  /** Before the chosen one: no valid configuration. */
  readonly passedOver: readonly PassedOver[]
}

/** Whose entry it is, and what it says where the list has lost it. */
export interface ConfWish {
  readonly instance: string
  readonly entry: Entry
}

type ReadList = Conflist & { readonly text: string }
type Conf = ReadList | 'single' | { readonly reason: string }

function readConf({ name, text }: ConfFile): Conf {
  if (text === null) return { reason: 'it cannot be read, or is no UTF-8' }
  if (name.endsWith('.conflist')) {
    const conflist = readConflist(text)
    return typeof conflist === 'string' ? { reason: conflist } : { ...conflist, text }
  }
  try {
    const json = JSON.parse(text) as { readonly type?: unknown } | null
    return typeof json?.type === 'string' ? 'single' : { reason: 'it names no plugin type' }
  } catch {
    return { reason: text.trim() === '' ? 'it is empty' : 'not JSON' }
  }
}

export function decide(files: readonly ConfFile[], wish: ConfWish): ConfDecision {
  const passedOver: PassedOver[] = []
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const [at, file] of sorted.entries()) {
    const conf = readConf(file)
    if (conf === 'single') {
      const carriedBy = firstCarrying(sorted.slice(at + 1))
      return { state: { kind: 'single', file: file.name, carriedBy }, passedOver }
    }
    if ('reason' in conf) {
      passedOver.push({ file: file.name, reason: conf.reason })
      continue
    }
    return { state: stateOf(file.name, conf, wish), passedOver }
  }
  return { state: { kind: 'none' }, passedOver }
}

/** What a plugin like multus may delegate to. */
function firstCarrying(files: readonly ConfFile[]): string | null {
  const carries = (file: ConfFile): boolean => {
    const conf = readConf(file)
    return typeof conf === 'object' && 'ours' in conf && conf.ours.length > 0
  }
  return files.find(carries)?.name ?? null
}

function stateOf(name: string, { text, ...conflist }: ReadList, wish: ConfWish): ConfState {
  const problem = listProblem(conflist)
  if (problem !== null) return { kind: 'unfit', file: name, reason: problem }
  const [entry, second] = conflist.ours
  if (entry !== undefined && second === undefined) {
    const instance = instanceOfEntry(entry)
    if (instance === wish.instance) return { kind: 'carried', file: name, text, entry }
    return { kind: 'foreign', file: name, instance: String(instance) }
  }
  const edit = appendEntry(text, wish.entry)
  if (edit.kind !== 'changed') {
    const reason = edit.kind === 'invalid' ? edit.reason : 'nothing would change'
    return { kind: 'unfit', file: name, reason }
  }
  const need = entry === undefined ? 'missing' : 'repeated'
  return { kind: 'repair', file: name, need, text, repaired: edit.text }
}
