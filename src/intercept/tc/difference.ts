/** Nodes as asked for against nodes as the kernel has them. */
import type { DecodedAction, TcAction } from '../../core/netlink/action.js'
import {
  type DecodedU32Node,
  type U32Link,
  type U32Match,
  type U32Node,
  u32Handle,
} from '../../core/netlink/u32.js'
import type { Drift } from '../driver.js'

const hex = (value: number) => `0x${(value >>> 0).toString(16)}`

function matchText({ offset, mask, value }: U32Match): string {
  return `${hex(value)}/${hex(mask)} at ${offset}`
}

/** Near to tc(8)'s words. The index of an action that nobody shares is the kernel's to choose. */
export function actionText(action: TcAction): string {
  switch (action.kind) {
    case 'gact':
      return `gact ${action.verdict}${(action.index ?? 0) > 0xffff ? ` index ${action.index}` : ''}`
    case 'mirred':
      return `mirred egress ${action.eaction} ${action.ifindex}`
    case 'pedit':
      return `pedit ${action.keys.map((k) => `${k.header}+${k.offset}=${hex(k.flip)}`).join(',')} ${action.verdict}`
  }
}

function haveText({ action }: DecodedAction): string {
  return action === null ? 'an action of another kind' : actionText(action)
}

function linkText({ table, hashKey }: U32Link): string {
  const key = hashKey === undefined ? '' : ` hashkey ${hex(hashKey.mask)} at ${hashKey.offset}`
  return `link ${table}:${key}`
}

/** Order of matches is kept by the kernel; a link is part of what is matched. */
export function isSameSelector(want: U32Node, have: DecodedU32Node): boolean {
  const text = (node: Pick<U32Node, 'matches' | 'link'>) =>
    [...node.matches.map(matchText), node.link === undefined ? '' : linkText(node.link)].join(' ')
  return text(want) === text(have)
}

export function isSameActions(want: U32Node, have: DecodedU32Node): boolean {
  return want.actions.map(actionText).join() === have.actions.map(haveText).join()
}

export function findNode(nodes: readonly DecodedU32Node[], want: U32Node): DecodedU32Node | null {
  return nodes.find((node) => u32Handle(node) === u32Handle(want)) ?? null
}

export function isInForce(want: readonly U32Node[], have: readonly DecodedU32Node[]): boolean {
  return driftOf('', want, have).length === 0
}

export function driftOf(
  link: string,
  want: readonly U32Node[],
  have: readonly DecodedU32Node[],
): Drift[] {
  const what = 'filter'
  return want.flatMap((node): Drift[] => {
    const found = findNode(have, node)
    const subject = `filter ${hex(u32Handle(node))} on ${link}`
    const actions = node.actions.map(actionText).join(', ')
    if (found === null) return [{ what, subject, want: actions, have: 'none' }]
    if (!isSameSelector(node, found)) {
      const matches = found.matches.map(matchText).join(', ')
      return [{ what, subject, want: node.matches.map(matchText).join(', '), have: matches }]
    }
    if (isSameActions(node, found)) return []
    return [{ what, subject, want: actions, have: found.actions.map(haveText).join(', ') }]
  })
}
