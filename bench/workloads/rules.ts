/** What a packet costs under 10, 1 000 and 10 000 rules, of which the last one allows it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Node, type Pod } from '../../test/node.js'
import type { Effort } from '../arguments.js'
import { dpdPid } from '../daemon.js'
import { packetCost, restingNs, SINK_PORTS, SOURCE_PORTS, serveSinks } from '../packet-cost.js'
import type { OpenRow, Row } from '../result.js'
import type { NodeWorkload } from './workload.js'

const COUNTS = [10, 1000, 10_000]
const ENDPOINTS = 'pods: [{ namespace: default, name: server, labels: { app: server } }]\n'
/** New flows a measurement. */
const NEW_FLOWS = 10_000
const ALL_FLOWS = SOURCE_PORTS * SINK_PORTS.length

/** Addresses of RFC 2544's network for all but the last. */
function policyWith(rules: number): string {
  const others = Array.from({ length: rules - 1 }, (_, at) => {
    const cidr = `198.${18 + (at >> 16)}.${(at >> 8) & 0xff}.${at & 0xff}/32`
    return `    - { name: r${at}, from: [{ ipBlock: { cidr: ${cidr} } }], ports: [{ port: ${1 + (at % 1000)}, protocol: UDP }] }`
  })
  return `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: rules, namespace: default }
spec:
  podSelector: { matchLabels: { app: server } }
  mode: protect
  ingress:
${others.join('\n')}
    - { name: last, from: [{ ipBlock: { cidr: 10.77.0.0/16 } }] }
`
}

const row = (name: string): OpenRow => ({
  ...{ workload: 'rules', name, unit: 'ns', better: 'less', base: String(COUNTS[0]) },
  series: Object.fromEntries(COUNTS.map((count) => [count, []])),
})

interface World {
  readonly node: Node
  readonly from: Pod
  readonly to: Pod
  readonly atRestNs: number
}

async function makeWorld(node: Node, effort: Effort): Promise<World> {
  writeFileSync(join(node.endpointsDir, 'rules.yaml'), ENDPOINTS)
  await node.startDpd()
  const to = await node.addPod('server')
  await serveSinks(to, node.dir)
  const from = await node.addPlainPod('client')
  return { node, from, to, atRestNs: await restingNs(dpdPid(node), effort.restSeconds) }
}

async function measure(
  { node, from, to, atRestNs }: World,
  effort: Effort,
  rounds: number,
): Promise<readonly Row[]> {
  const [same, fresh] = [row('packet under rules'), row('first packet under rules')]
  let firstFlow = 1
  for (let round = 0; round < rounds; round++) {
    process.stderr.write(`bench: rules: round ${round + 1}/${rounds}\n`)
    for (const count of COUNTS) {
      await node.policy('rules.yaml', `${policyWith(count)}# round ${round}\n`)
      const dpd = dpdPid(node)
      const one = { from, to, datagrams: effort.datagrams, flows: 1 }
      same.series[count]?.push(await packetCost(one, dpd, atRestNs))
      const many = { from, to, datagrams: NEW_FLOWS, flows: NEW_FLOWS, firstFlow }
      fresh.series[count]?.push(await packetCost(many, dpd, atRestNs))
      firstFlow = (firstFlow + NEW_FLOWS) % (ALL_FLOWS - NEW_FLOWS)
    }
  }
  return [same, fresh]
}

async function run(effort: Effort, rounds: number): Promise<readonly Row[]> {
  const node = new Node({ name: `vwr${process.pid}` })
  try {
    return await measure(await makeWorld(node, effort), effort, rounds)
  } finally {
    await node.close()
  }
}

export const rules: NodeWorkload = {
  name: 'rules',
  about: 'CPU time of a packet, of a live flow and of a new one, under 10, 1 000 and 10 000 rules',
  run,
}
