/** A hundred thousand live flows of one pod in protect: what a packet costs among them, what each takes. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Node, type Pod, until } from '../../test/node.js'
import type { Effort } from '../arguments.js'
import { dpdPid } from '../daemon.js'
import { NEW_FLOWS_PER_SECOND, packetCost, restingNs, send, serveSinks } from '../packet-cost.js'
import { residentOctets } from '../processes.js'
import type { RowHead, Sheet } from '../sheet.js'
import type { NodeWorkload } from './workload.js'

const POLICY = `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: all, namespace: default }
spec:
  podSelector: {}
  mode: protect
  ingress: [{ name: all, from: [{ ipBlock: { cidr: 0.0.0.0/0 } }] }]
`
/** Each a daemon of its own, since memory that was used once stays with the process. */
const ROUNDS_AT_MOST = 3

const head = (name: string, unit: string, base: string | null): RowHead => ({
  ...{ workload: 'flows', name, unit, better: 'less', base },
})

async function liveFlows(node: Node): Promise<number> {
  const status = (await node.api('/v1/status')) as { liveFlows?: number } | null
  return status?.liveFlows ?? 0
}

interface World {
  readonly node: Node
  readonly from: Pod
  readonly to: Pod
}

async function makeWorld(node: Node): Promise<World> {
  writeFileSync(join(node.policyDir, 'all.yaml'), POLICY)
  await node.startDpd()
  const to = await node.addPod('server')
  await serveSinks(to, node.dir)
  return { node, from: await node.addPlainPod('client'), to }
}

async function measure(
  { node, from, to }: World,
  sheet: Sheet,
  effort: Effort,
  rounds: number,
): Promise<void> {
  const among = sheet.open(head('packet among live flows', 'ns', '1'))
  const turns = sheet.open(head('packet of live flows in turn', 'ns', null))
  const memory = sheet.open(head('memory per live flow', 'octets', null))
  const { datagrams, liveFlows: flows, restSeconds } = effort
  const one = { from, to, datagrams, flows: 1 }
  const others = { from, to, datagrams: flows, flows, firstFlow: 1 }
  for (let round = 1; round <= rounds; round++) {
    process.stderr.write(`bench: flows: round ${round}/${rounds}\n`)
    if (round > 1) {
      await node.stopDpd()
      await node.startDpd()
    }
    const dpd = dpdPid(node)
    const atRestNs = await restingNs(dpd, restSeconds)
    await sheet.sample(among, 1, () => packetCost(one, dpd, atRestNs))
    await sheet.sample(memory, 'inline', async () => {
      const before = residentOctets(dpd)
      await send({ ...others, perSecond: NEW_FLOWS_PER_SECOND })
      await until(`${flows} live flows`, async () => (await liveFlows(node)) >= flows)
      return (residentOctets(dpd) - before) / flows
    })
    await sheet.sample(among, flows, () => packetCost(one, dpd, atRestNs))
    await sheet.sample(turns, flows, () => packetCost(others, dpd, atRestNs))
  }
}

async function run(sheet: Sheet, effort: Effort, rounds: number): Promise<void> {
  const node = new Node({ name: `vwf${process.pid}` })
  try {
    await measure(await makeWorld(node), sheet, effort, Math.min(rounds, ROUNDS_AT_MOST))
  } finally {
    await node.close()
  }
}

export const liveFlowsWorkload: NodeWorkload = {
  name: 'flows',
  about:
    'CPU time of a packet of one flow, alone and among 100 000 live ones, and the memory that each takes',
  run,
}
