/**
 * What a change of policy costs: to compile it, to hand it to the thread of a judge, to judge that one's
 * live flows by it. Milliseconds of a CPU; the longest time for which an event would wait is the clock's.
 */
import { deserialize, serialize } from 'node:v8'
import type { EngineEvent } from '../src/core/inspect/contract.js'
import { compile, type PolicyEndpoint } from '../src/core/policy/compile.js'
import type { CompiledPolicy } from '../src/core/policy/compiled.js'
import { EMPTY_DIRECTORY } from '../src/core/policy/endpoints-directory.js'
import { loadPolicySet } from '../src/core/policy/load.js'
import type { PolicySet } from '../src/core/policy/model.js'
import { NO_NAMES } from '../src/core/policy/name-book.js'
import { type PortablePolicy, toPortable } from '../src/core/policy/portable.js'
import { openJudging } from '../src/dpd/judging.js'
import { Peers } from '../src/dpd/peers.js'
import { Outbox } from '../src/dpd/shards/outbox.js'
import { Rejudging } from '../src/dpd/shards/rejudging.js'

const FLOWS = [100_000, 262_144]
const RULES = [10, 10_000]
const ENDPOINTS = 500
const REQUEST = new TextEncoder().encode('GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n')
const PEERS = 'from: [{ ipBlock: { cidr: 10.0.0.0/8 } }]'

/** What the last rule says before and after; all others match nothing. */
const CHANGES = [
  { name: 'ports, allowed', before: PEERS, after: PEERS, l4: 'allow' },
  ...[
    { name: 'http, allowed', verb: 'GET' },
    { name: 'http, denied', verb: 'PUT' },
  ].map(({ name, verb }) => ({
    ...{ name, before: `${PEERS}, http: [{ methods: [GET] }]`, l4: 'undecided' as const },
    after: `${PEERS}, http: [{ methods: [${verb}] }]`,
  })),
] as const

/** `last`: of the last rule. */
function policySet(rules: number, last: string): PolicySet {
  const lines = Array.from({ length: rules - 1 }, (_, at) => {
    const cidr = `198.${18 + (at >> 16)}.${(at >> 8) & 0xff}.${at & 0xff}/32`
    const ports = `[{ port: ${1 + (at % 1000)}, protocol: UDP }]`
    return `    - { name: r${at}, from: [{ ipBlock: { cidr: ${cidr} } }], ports: ${ports} }`
  })
  const text = `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: rules, namespace: default }
spec:
  podSelector: {}
  mode: protect
  ingress:
${lines.join('\n')}
    - { name: last, ${last} }
`
  const load = loadPolicySet([{ path: 'rules.yaml', text }])
  if (!load.ok) throw new Error(load.errors.map(({ message }) => message).join('\n'))
  return load.set
}

function compiled(set: PolicySet, generation: number, endpoints = 1): CompiledPolicy {
  return compile({
    ...{ set, generation, defaults: { mode: 'discover' }, directory: EMPTY_DIRECTORY },
    ...{ nodeAddresses: [], nodeTraffic: 'allow' },
    endpoints: Array.from({ length: endpoints }, (_, i): PolicyEndpoint => {
      const addresses = [`10.1.${i >> 8}.${i & 0xff}`, `fd00::${i.toString(16)}`]
      return { id: i + 1, namespace: 'default', pod: `web-${i}`, addresses }
    }),
  })
}

/** Of this process, its collector's threads included. */
function cpuMsOf<T>(work: () => T): { readonly cpuMs: number; readonly result: T } {
  const before = process.cpuUsage()
  const result = work()
  const { user, system } = process.cpuUsage(before)
  return { cpuMs: Math.round((user + system) / 1000), result }
}

function openedEvents(flow: number, l4: 'allow' | 'undecided', rule: number): EngineEvent[] {
  const source = `10.2.${(flow >> 8) & 0xff}.${flow & 0xff}`
  const ports = { sourcePort: 1024 + (flow >> 16), destinationPort: 80 }
  const tuple = { protocol: 6, source, destination: '10.1.0.0', vlan: 0, ...ports }
  const of = { flow, endpoint: 1 } as const
  const opened: EngineEvent = {
    ...{ ev: 'opened', ...of, podSide: 'receiver', start: 'syn', generation: 1, tuple },
    ...{ l4, rule: l4 === 'allow' ? rule : 0 },
  }
  if (l4 === 'allow') return [opened]
  const request = { at: 0, octets: REQUEST, ended: false, held: true } as const
  return [opened, { ev: 'octets', ...of, dir: 'orig', ...request }]
}

async function judgeAnew(change: (typeof CHANGES)[number], rules: number, flows: number) {
  const outbox = new Outbox({
    ...{ eventsPerSecond: 1000, nowMs: () => Date.now() },
    ...{ post: () => undefined, soon: () => undefined },
  })
  const policy = compiled(policySet(rules, change.before), 1)
  const next = compiled(policySet(rules, change.after), 2)
  const { judge } = openJudging({
    ...{ policy, outbox, peers: new Peers(EMPTY_DIRECTORY, [], []), endedFlowsKept: 1 },
    names: NO_NAMES,
    nowMs: () => Date.now(),
  })
  judge.setEndpoint({
    ...{ id: 1, namespace: 'default', pod: 'web-0', ifName: 'eth0', mode: 'protect' },
    ...{ failure: 'closed', enforced: true, depth: 'rules' },
  })
  for (let flow = 1; flow <= flows; flow++)
    judge.handle(openedEvents(flow, change.l4, policy.rules.length - 1))
  let commands = 0
  let longestMs = 0
  let startedMs = performance.now()
  const rejudging = new Rejudging({
    judge,
    rings: { isBehind: false, send: (some) => (commands += some.length) },
    monotonicMs: () => performance.now(),
    soon: (turn) => {
      longestMs = Math.max(longestMs, performance.now() - startedMs)
      setImmediate(() => {
        startedMs = performance.now()
        turn()
      })
    },
  })
  const before = process.cpuUsage()
  await new Promise<void>((resolve) => rejudging.begin(next, resolve))
  const { user, system } = process.cpuUsage(before)
  if (commands !== flows) throw new Error(`${commands} commands for ${flows} flows`)
  const cpuMs = Math.round((user + system) / 1000)
  return { change: change.name, rules, flows, cpuMs, longestTurnMs: Math.round(longestMs) }
}

function compileAndHandOver() {
  return RULES.map((rules) => {
    const set = policySet(rules, PEERS)
    compiled(set, 1, ENDPOINTS)
    const { cpuMs: compileMs, result } = cpuMsOf(() => compiled(set, 2, ENDPOINTS))
    const ids = Array.from({ length: ENDPOINTS }, (_, i) => i + 1)
    const { cpuMs: writeMs, result: octets } = cpuMsOf(() => serialize(toPortable(result, ids)))
    const { cpuMs: readMs } = cpuMsOf(() => deserialize(octets) as PortablePolicy)
    const kib = Math.round(octets.length / 1024)
    return { rules, endpoints: ENDPOINTS, compileMs, writeMs, readMs, kib }
  })
}

if (process.argv[1]?.endsWith('bench/policy-change.js')) {
  console.table(compileAndHandOver())
  const rows: Awaited<ReturnType<typeof judgeAnew>>[] = []
  for (const flows of FLOWS) {
    for (const rules of RULES)
      for (const change of CHANGES) rows.push(await judgeAnew(change, rules, flows))
  }
  console.table(rows)
}
