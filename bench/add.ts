/** Wall time of ADD: the bridge alone, bridge and vethwall with dpd, beside `node -e 0`; interleaved. */
import { Node } from '../test/node.js'
import { median, spread } from './statistics.js'
import { bareNode } from './workloads.js'

export interface AddTimes {
  readonly bridgeMs: readonly number[]
  readonly vethwallMs: readonly number[]
  readonly nodeMs: readonly number[]
}

async function timedAdd(node: Node, name: string): Promise<number> {
  const started = performance.now()
  const pod = await node.addPod(name)
  const took = performance.now() - started
  await node.removePod(pod)
  return took
}

export async function addRounds(rounds: number): Promise<AddTimes> {
  const plain = new Node({ name: `vwap${process.pid}`, plain: true })
  const ours = new Node({ name: `vwao${process.pid}` })
  const times = { bridgeMs: [] as number[], vethwallMs: [] as number[], nodeMs: [] as number[] }
  try {
    await ours.startDpd()
    // The first ADD of an instance makes the enforcer namespace: counted once a node, not once a pod.
    await timedAdd(ours, 'first')
    await timedAdd(plain, 'first')
    for (let round = 0; round < rounds; round++) {
      times.bridgeMs.push(await timedAdd(plain, `p${round}`))
      times.vethwallMs.push(await timedAdd(ours, `p${round}`))
      times.nodeMs.push(await bareNode())
    }
  } finally {
    await plain.close()
    await ours.close()
  }
  print(times)
  return times
}

function print(times: AddTimes): void {
  for (const [name, values] of Object.entries(times)) {
    const { median: middle, min, max } = spread(values as readonly number[])
    console.log(
      `ADD ${name.padEnd(12)} ${middle.toFixed(1)} ms (${min.toFixed(1)}-${max.toFixed(1)})`,
    )
  }
  const above = median(times.vethwallMs) - median(times.bridgeMs)
  console.log(
    `ADD bridge + vethwall = bridge + ${(above / median(times.nodeMs)).toFixed(2)} x node -e 0`,
  )
}
