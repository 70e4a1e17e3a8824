/** A hundred thousand live flows of one pod in protect: what a packet costs among them, what each takes. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Node, type Pod, until } from '../../test/node.js'
import type { Effort } from '../arguments.js'
import { dpdPid } from '../daemon.js'
import { packetCost, restingNs, send, serveSinks } from '../packet-cost.js'
import { residentOctets } from '../processes.js'
import type { OpenRow, Row } from '../result.js'
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

const row = (name: string, unit: string, base: string | null): OpenRow => ({
  ...{ workload: 'flows', name, unit, better: 'less', base, series: {} },
})

function put(into: OpenRow, series: string | number, value: number): void {
  const samples = into.series[series] ?? []
  samples.push(value)
  into.series[series] = samples
}

async function liveFlows(node: Node): Promise<number> {
  const status = (await node.api('/v1/status')) as { liveFlows?: number } | null
  return status?.liveFlows ?? 0
}

interface Rows {
  readonly packet: OpenRow
  readonly memory: OpenRow
}

async function measure(node: Node, from: Pod, to: Pod, effort: Effort, rows: Rows): Promise<void> {
  const dpd = dpdPid(node)
  const atRestNs = await restingNs(dpd, effort.restSeconds)
  const { datagrams, liveFlows: flows } = effort
  put(rows.packet, 1, await packetCost({ from, to, datagrams, flows: 1 }, dpd, atRestNs))
  const before = residentOctets(dpd)
  await send({ from, to, datagrams: flows, flows })
  await until(`${flows} live flows`, async () => (await liveFlows(node)) >= flows)
  put(rows.memory, 'inline', (residentOctets(dpd) - before) / flows)
  put(rows.packet, flows, await packetCost({ from, to, datagrams: flows, flows }, dpd, atRestNs))
}

async function run(effort: Effort, rounds: number): Promise<readonly Row[]> {
  const rows = {
    packet: row('packet among live flows', 'ns', '1'),
    memory: row('memory per live flow', 'octets', null),
  }
  const node = new Node({ name: `vwf${process.pid}` })
  try {
    writeFileSync(join(node.policyDir, 'all.yaml'), POLICY)
    await node.startDpd()
    const to = await node.addPod('server')
    await serveSinks(to, node.dir)
    const from = await node.addPlainPod('client')
    for (let round = 0; round < Math.min(rounds, ROUNDS_AT_MOST); round++) {
      process.stderr.write(`bench: flows: round ${round + 1}\n`)
      if (round > 0) {
        await node.stopDpd()
        await node.startDpd()
      }
      await measure(node, from, to, effort, rows)
    }
  } finally {
    await node.close()
  }
  return [rows.packet, rows.memory]
}

export const liveFlowsWorkload: NodeWorkload = {
  name: 'flows',
  about: 'CPU time of a packet among 100 000 live flows, and the memory that each takes',
  run,
}
