import { setTimeout as delay } from 'node:timers/promises'
import { type Node, until } from '../test/node.js'
import { cpuNs } from './processes.js'

/** The program itself, behind setpriv and nsenter, which exec it. */
export function dpdPid(node: Node): number {
  const pid = node.dpd?.pid
  if (pid === undefined) throw new Error('dpd does not run')
  return pid
}

const WINDOW_MS = 100
/** Less than a backlog takes, more than what dpd does at rest. */
const RESTS_BELOW = 0.5

/**
 * In tap, traffic does not wait for dpd: what is measured next would share the CPUs with what dpd has
 * still to read of what was measured before.
 */
export async function dpdRests(node: Node): Promise<void> {
  const pid = dpdPid(node)
  await until('dpd rests', async () => {
    // Its event loop comes round to an answer only between two batches of what is to be read.
    await node.api('/v1/status')
    const before = cpuNs(pid)
    await delay(WINDOW_MS)
    return cpuNs(pid) - before < RESTS_BELOW * WINDOW_MS * 1e6
  })
}
