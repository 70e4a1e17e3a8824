/** What a packet costs under 10, 1 000 and 10 000 rules, of which the last one allows it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Node, type Pod, until } from '../../test/node.js'
import type { Effort } from '../arguments.js'
import { dpdPid, dpdRests } from '../daemon.js'
import {
  NEW_FLOWS_PER_SECOND,
  packetCost,
  restingNs,
  SINK_PORTS,
  SOURCE_PORTS,
  serveSinks,
} from '../packet-cost.js'
import type { RowHead, Sheet } from '../sheet.js'
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

const head = (name: string): RowHead => ({
  ...{ workload: 'rules', name, unit: 'ns', better: 'less', base: String(COUNTS[0]) },
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

/** Ten thousand rules are read and compiled for seconds. */
const IN_FORCE_WITHIN_MS = 120_000

async function enforce(node: Node, policy: string): Promise<void> {
  const before = await node.generation()
  writeFileSync(join(node.policyDir, 'rules.yaml'), policy)
  const isInForce = async (): Promise<boolean> => (await node.generation()) > before
  await until('policy in force', isInForce, IN_FORCE_WITHIN_MS)
  // What is left to do for the policy is no packet's.
  await dpdRests(node)
}

async function measure(
  { node, from, to, atRestNs }: World,
  sheet: Sheet,
  { datagrams }: Effort,
  rounds: number,
): Promise<void> {
  const same = sheet.open(head('packet under rules'))
  const fresh = sheet.open(head('first packet under rules'))
  const dpd = dpdPid(node)
  let firstFlow = 1
  for (let round = 1; round <= rounds; round++) {
    process.stderr.write(`bench: rules: round ${round}/${rounds}\n`)
    for (const count of COUNTS) {
      await enforce(node, `${policyWith(count)}# round ${round}\n`)
      const one = { from, to, datagrams, flows: 1 }
      await sheet.sample(same, count, () => packetCost(one, dpd, atRestNs))
      const perSecond = NEW_FLOWS_PER_SECOND
      const many = { from, to, datagrams: NEW_FLOWS, flows: NEW_FLOWS, firstFlow, perSecond }
      await sheet.sample(fresh, count, () => packetCost(many, dpd, atRestNs))
      firstFlow = (firstFlow + NEW_FLOWS) % (ALL_FLOWS - NEW_FLOWS)
    }
  }
}

async function run(sheet: Sheet, effort: Effort, rounds: number): Promise<void> {
  const node = new Node({ name: `vwr${process.pid}` })
  try {
    await measure(await makeWorld(node, effort), sheet, effort, rounds)
  } finally {
    await node.close()
  }
}

export const rules: NodeWorkload = {
  name: 'rules',
  about: 'CPU time of a packet, of a live flow and of a new one, under 10, 1 000 and 10 000 rules',
  run,
}
