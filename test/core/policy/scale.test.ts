import t from 'tap'
import { compile } from '../../../src/core/policy/compile.js'
import { EMPTY_DIRECTORY } from '../../../src/core/policy/endpoints-directory.js'
import { evaluate } from '../../../src/core/policy/evaluate.js'
import { SELECT_ALL } from '../../../src/core/policy/label-selector.js'
import type { PolicyObject, PolicyRule } from '../../../src/core/policy/model.js'

const POLICIES = 1000
const RULES = 10
const PODS = 1000
const NAMESPACES = 20
/** Measured 0.3 s; the machine that runs the tests may be busy. */
const COMPILE_MS_MAX = 5000

function rule(policy: number, index: number): PolicyRule {
  const app = `a${(policy + index) % POLICIES}`
  return {
    name: String(index),
    action: 'allow',
    peers: [
      {
        kind: 'pods',
        podSelector: { ...SELECT_ALL, matchLabels: { app } },
        namespaceSelector: null,
      },
      { kind: 'block', cidr: `10.${policy % 256}.${index}.0/24`, except: [] },
    ],
    ports: [{ protocol: 6, first: 80 + index, last: 80 + index }],
    apps: null,
    blocks: [],
  }
}

function policyObject(index: number): PolicyObject {
  return {
    kind: 'Policy',
    namespace: `n${index % NAMESPACES}`,
    name: `p${index}`,
    file: 'scale.yaml',
    podSelector: { ...SELECT_ALL, matchLabels: { app: `a${index}` } },
    mode: 'protect',
    failure: null,
    staged: false,
    fqdnBinding: 'strict',
    ingress: Array.from({ length: RULES }, (_, i) => rule(index, i)),
    egress: null,
  }
}

t.test('10 000 rules and 1 000 pods compile in time, and each pod has its own', async (t) => {
  const policies = Array.from({ length: POLICIES }, (_, i) => policyObject(i))
  const endpoints = Array.from({ length: PODS }, (_, i) => ({
    id: i + 1,
    namespace: `n${i % NAMESPACES}`,
    pod: `pod-${i}`,
    labels: { app: `a${i}` },
    addresses: [`10.200.${i >> 8}.${i & 255}/16`, `fd00::${i.toString(16)}/64`],
  }))
  const started = performance.now()
  const compiled = compile({
    set: { policies },
    generation: 1,
    defaults: { mode: 'discover' },
    nodeAddresses: [],
    nodeTraffic: 'allow',
    directory: EMPTY_DIRECTORY,
    endpoints,
  })
  const elapsedMs = performance.now() - started
  t.comment(`compiled in ${elapsedMs.toFixed(0)} ms, ${compiled.l4Block.length} octets`)
  t.ok(elapsedMs < COMPILE_MS_MAX, `${elapsedMs} ms`)
  t.equal(compiled.rules.length, 16 + POLICIES * RULES)
  for (const pod of [0, 499, 999]) {
    const connection = {
      podSide: 'receiver' as const,
      protocol: 6,
      source: `10.${pod % 256}.3.9`,
      destination: `10.200.${pod >> 8}.${pod & 255}`,
      destinationPort: 83,
    }
    const { rule } = evaluate(compiled, pod + 1, connection, { app: null })
    t.match(compiled.rules[rule], { policy: `n${pod % NAMESPACES}/p${pod}`, rule: '3' })
  }
})
