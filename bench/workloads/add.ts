/** Wall time of ADD: the bridge alone, bridge and vethwall with dpd, beside `node -e 0`; interleaved. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Node } from '../../test/node.js'
import type { Sheet } from '../sheet.js'
import type { NodeWorkload } from './workload.js'

/** One ADD is short: so many a round. */
const ADDS_A_ROUND = 4

/** Wall milliseconds of `node -e 0`, the floor of any program in Node. */
async function bareNode(): Promise<number> {
  const started = performance.now()
  // As the plugin is run: NODE_EXTRA_CA_CERTS alone would make it take 1.7 times as long.
  await promisify(execFile)(process.execPath, ['-e', '0'], { env: {} })
  return performance.now() - started
}

export async function timedAdd(node: Node, name: string): Promise<number> {
  const started = performance.now()
  const pod = await node.addPod(name)
  const took = performance.now() - started
  await node.removePod(pod)
  return took
}

async function run(sheet: Sheet, adds: number): Promise<void> {
  const plain = new Node({ name: `vwap${process.pid}`, plain: true })
  const ours = new Node({ name: `vwao${process.pid}` })
  const head = { workload: 'add', better: 'less', base: null } as const
  const whole = sheet.open({ ...head, name: 'ADD', unit: 'ms' })
  const above = sheet.open({ ...head, name: 'ADD above the bridge', unit: '× node -e 0' })
  try {
    await ours.startDpd()
    // The first ADD of an instance makes the enforcer namespace: counted once a node, not once a pod.
    await timedAdd(ours, 'first')
    await timedAdd(plain, 'first')
    for (let at = 0; at < adds; at++) {
      const bridgeMs = await timedAdd(plain, `p${at}`)
      const oursMs = await timedAdd(ours, `p${at}`)
      const nodeMs = await bareNode()
      sheet.put(whole, 'bridge', bridgeMs)
      sheet.put(whole, 'bridge and vethwall', oursMs)
      sheet.put(whole, 'node -e 0', nodeMs)
      sheet.put(above, 'vethwall', (oursMs - bridgeMs) / nodeMs)
    }
  } finally {
    await plain.close()
    await ours.close()
  }
}

export const add: NodeWorkload = {
  name: 'add',
  about: 'ADD of the bridge alone, of bridge and vethwall, beside `node -e 0`',
  run: (sheet, _, rounds) => run(sheet, rounds * ADDS_A_ROUND),
}
