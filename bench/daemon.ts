import type { Node } from '../test/node.js'

/** The program itself, behind setpriv and nsenter, which exec it. */
export function dpdPid(node: Node): number {
  const pid = node.dpd?.pid
  if (pid === undefined) throw new Error('dpd does not run')
  return pid
}
