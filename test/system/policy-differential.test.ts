/** The engine's table and the evaluation in TypeScript decide alike while no app is known. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseAddress } from '../../src/core/address.js'
import { compile } from '../../src/core/policy/compile.js'
import type { CompiledPolicy } from '../../src/core/policy/compiled.js'
import { type Connection, evaluate } from '../../src/core/policy/evaluate.js'
import {
  Random,
  randomConnection,
  randomInput,
  randomPolicies,
} from '../core/policy/random-policy.js'
import { root } from '../root.js'

interface Case {
  readonly endpoint: number
  readonly connection: Connection
}

const SETS = 150
const CONNECTIONS = 200
const CASE_OCTETS = 40
const judge = join(root, process.env.NATIVE_BUILD ?? 'native/build', 'test/policy_l4_table_test')
const folder = mkdtempSync(join(tmpdir(), 'vethwall-differential-'))
t.teardown(() => rmSync(folder, { recursive: true }))

/** The file form that native/test/policy_l4_table_test.cc reads with --judge. */
function encode(block: Uint8Array, cases: readonly Case[]): Uint8Array {
  const octets = Buffer.alloc(4 + block.length + cases.length * CASE_OCTETS)
  octets.writeUInt32LE(block.length)
  octets.set(block, 4)
  for (const [i, { endpoint, connection }] of cases.entries()) {
    const at = 4 + block.length + i * CASE_OCTETS
    const source = parseAddress(connection.source)
    octets.writeUInt16LE(endpoint, at)
    octets.writeUInt8(connection.podSide === 'receiver' ? 1 : 0, at + 2)
    octets.writeUInt8(connection.protocol, at + 3)
    octets.writeUInt16LE(connection.destinationPort, at + 4)
    octets.writeUInt8(source.family, at + 6)
    octets.set(source.octets, at + 8)
    octets.set(parseAddress(connection.destination).octets, at + 24)
  }
  return octets
}

/** `verdict rule` per case. */
function judgeNatively(block: Uint8Array, cases: readonly Case[]): string[] {
  const file = join(folder, 'cases')
  writeFileSync(file, encode(block, cases))
  const names = ['undecided', 'allow', 'deny']
  return execFileSync(judge, ['--judge', file], { encoding: 'utf8' })
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^\d/, (digit) => names[Number(digit)] ?? digit))
}

function judgeInTypeScript(compiled: CompiledPolicy, cases: readonly Case[]): string[] {
  return cases.map(({ endpoint, connection }) => {
    const { verdict, rule } = evaluate(compiled, endpoint, connection, { app: null })
    return `${verdict} ${rule}`
  })
}

t.test('every random connection gets the same verdict and rule from both', async (t) => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= SETS; seed++) {
    const random = new Random(seed)
    const text = randomPolicies(random)
    const input = randomInput(random, text, seed)
    const compiled = compile(input)
    const cases = Array.from({ length: CONNECTIONS }, () => ({
      endpoint: random.chance(95) ? random.pick(input.endpoints).id : 9999,
      connection: randomConnection(random),
    }))
    const wanted = judgeInTypeScript(compiled, cases)
    const got = judgeNatively(compiled.l4Block, cases)
    for (const verdict of wanted) seen.add(verdict)
    const at = wanted.findIndex((verdict, i) => verdict !== got[i])
    if (at < 0 && got.length === wanted.length) continue
    t.same(got[at], wanted[at], `seed ${seed}`, { case: cases[at], text })
    return
  }
  t.ok(seen.size > 20, 'many rules decided', { seen: [...seen] })
  t.ok(seen.has('undecided 0'), 'some wait for the app')
})

t.test('10 000 peers are found by search', async (t) => {
  const from = Array.from({ length: 10_000 }, (_, i) => ({
    ipBlock: { cidr: `10.${i >> 8}.${i & 255}.2/32` },
  }))
  const document = {
    apiVersion: 'vethwall.dev/v1',
    kind: 'Policy',
    metadata: { name: 'many', namespace: 'a' },
    spec: { podSelector: {}, ingress: [{ from }] },
  }
  const random = new Random(1)
  const compiled = compile({
    ...randomInput(random, JSON.stringify(document), 1),
    endpoints: [{ id: 5, namespace: 'a', pod: 'p', addresses: ['192.0.2.5'] }],
    quarantined: new Set(),
  })
  const cases = Array.from({ length: 50_000 }, (_, i) => ({
    endpoint: 5,
    connection: {
      podSide: 'receiver' as const,
      protocol: 6,
      source: `10.${random.below(45)}.${random.below(256)}.${1 + (i % 3)}`,
      destination: '192.0.2.5',
      destinationPort: 80,
    },
  }))
  t.same(judgeNatively(compiled.l4Block, cases), judgeInTypeScript(compiled, cases))
})
