/** Wall time of ADD: the bridge alone, bridge and vethwall with dpd, beside `node -e 0`; interleaved. */
import { exec, Node } from '../../test/node.js'
import type { Row } from '../result.js'
import type { NodeWorkload } from './workload.js'

/** One ADD is short: so many a round. */
const ADDS_A_ROUND = 4

/** Wall milliseconds of `node -e 0`, the floor of any program in Node. */
async function bareNode(): Promise<number> {
  const started = performance.now()
  await exec(process.execPath, ['-e', '0'])
  return performance.now() - started
}

export async function timedAdd(node: Node, name: string): Promise<number> {
  const started = performance.now()
  const pod = await node.addPod(name)
  const took = performance.now() - started
  await node.removePod(pod)
  return took
}

async function run(adds: number): Promise<readonly Row[]> {
  const plain = new Node({ name: `vwap${process.pid}`, plain: true })
  const ours = new Node({ name: `vwao${process.pid}` })
  const ms = { plain: [] as number[], vethwall: [] as number[], 'node -e 0': [] as number[] }
  try {
    await ours.startDpd()
    // The first ADD of an instance makes the enforcer namespace: counted once a node, not once a pod.
    await timedAdd(ours, 'first')
    await timedAdd(plain, 'first')
    for (let at = 0; at < adds; at++) {
      ms.plain.push(await timedAdd(plain, `p${at}`))
      ms.vethwall.push(await timedAdd(ours, `p${at}`))
      ms['node -e 0'].push(await bareNode())
    }
  } finally {
    await plain.close()
    await ours.close()
  }
  const above = ms.vethwall.map(
    (took, at) => (took - (ms.plain[at] ?? 0)) / (ms['node -e 0'][at] ?? 0),
  )
  return [
    { workload: 'add', name: 'ADD', unit: 'ms', better: 'less', base: null, series: ms },
    {
      ...{ workload: 'add', name: 'ADD above the bridge', unit: '× node -e 0', better: 'less' },
      ...{ base: null, series: { vethwall: above } },
    },
  ]
}

export const add: NodeWorkload = {
  name: 'add',
  about: 'ADD of the bridge alone, of bridge and vethwall, beside `node -e 0`',
  run: (_, rounds) => run(rounds * ADDS_A_ROUND),
}
