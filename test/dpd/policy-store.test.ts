import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { PolicyStatus } from '../../src/core/api/status.js'
import type { CompiledPolicy } from '../../src/core/policy/compiled.js'
import { watchDirectories } from '../../src/dpd/policy-files.js'
import { PolicySources } from '../../src/dpd/policy-sources.js'
import { PolicyStore, type PolicyStoreParts } from '../../src/dpd/policy-store.js'
import { until } from '../process.js'
import { compiled, ingressPolicy } from './judge/bench.js'

interface Files {
  readonly policies: string
  readonly endpoints: string
  readonly lastGood: string
}

function makeFiles(t: Test): Files {
  const dir = t.testdir({ policies: {}, endpoints: {} })
  return {
    policies: join(dir, 'policies'),
    endpoints: join(dir, 'endpoints'),
    lastGood: join(dir, 'last-good.json'),
  }
}

function openStore(
  files: Files,
  sources?: PolicyStoreParts['sources'],
): { store: PolicyStore; log: string[]; told: PolicyStatus[] } {
  const log: string[] = []
  const told: PolicyStatus[] = []
  let nowMs = 0
  const store = new PolicyStore(
    {
      sources: sources ?? new PolicySources(files, files.lastGood, (message) => log.push(message)),
      inputs: () => ({
        defaults: { mode: 'discover' },
        nodeAddresses: [],
        nodeTraffic: 'allow',
        endpoints: [],
      }),
      engine: {
        setPolicy: async () => void log.push('engine'),
      },
      judge: {
        setPolicy: async ({ generation }: CompiledPolicy) => {
          log.push(`judge ${generation}`)
          told.push(store.status())
        },
      },
      endpoints: {
        introduce: async () => void log.push('introduce'),
        apply: async () => void log.push('apply'),
      },
      onApplied: ({ generation }) => void log.push(`applied ${generation}`),
      warn: (message) => log.push(message),
      nowMs: () => nowMs++,
    },
    compiled('', 0),
  )
  return { store, log, told }
}

t.test('one generation: engine, endpoints, judge', async (t) => {
  const files = makeFiles(t)
  writeFileSync(join(files.policies, 'a.yaml'), ingressPolicy('[]'))
  const { store, log, told } = openStore(files)
  await store.reload()
  t.same(log, ['introduce', 'engine', 'apply', 'judge 1', 'applied 1'])
  t.match(
    told,
    [{ generation: 0, policies: 0, source: 'empty', loadedAt: /00\.000Z$/ }],
    'not told of as in force while live flows are judged by the one before',
  )
  t.match(store.status(), { generation: 1, policies: 1, source: 'files', faults: [] })
  t.match(store.status(), { loadedAt: /00\.001Z$/ }, 'when its reading began')
})

t.test('a broken set leaves the old one active and is named', async (t) => {
  const files = makeFiles(t)
  const path = join(files.policies, 'a.yaml')
  writeFileSync(path, ingressPolicy('[]'))
  const { store, log } = openStore(files)
  await store.reload()
  writeFileSync(path, 'kind: Policy\nfoo: bar\n')
  await store.reload()
  t.match(store.status(), { generation: 1, policies: 1, faults: [{ file: path, line: 1 }] })
  t.ok(log.at(-1)?.includes('the policy set before stays in force'))
  writeFileSync(join(files.endpoints, 'e.yaml'), 'pods: [{ nam: x }]\n')
  writeFileSync(path, ingressPolicy('[]'))
  await store.reload()
  t.match(store.status().faults, [{ file: join(files.endpoints, 'e.yaml'), line: 1 }])
  t.equal(store.failedLoads, 2)

  await t.test('and a restart finds the last good one', async (t) => {
    const again = openStore(files)
    await again.store.reload()
    t.match(again.store.status(), { policies: 1, source: 'last-good', generation: 1 })
    rmSync(files.lastGood)
    const lost = openStore(files)
    await lost.store.reload()
    t.match(lost.store.status(), { policies: 0, source: 'empty', generation: 1 })
  })

  rmSync(join(files.endpoints, 'e.yaml'))
  await store.reload()
  t.match(store.status(), { generation: 2, source: 'files', faults: [] })
  t.match(JSON.parse(readFileSync(files.lastGood, 'utf8')), { schema: 1 })
})

t.test('changes wait for one another, and none for what is only read', async (t) => {
  const files = makeFiles(t)
  const sources = new PolicySources(files, files.lastGood, t.fail)
  const reads: (() => void)[] = []
  const { store, log } = openStore(files, {
    read: () => new Promise((resolve) => reads.push(() => resolve(sources.read()))),
    readLastGood: () => null,
  })
  const first = store.reload()
  await until('it is read', () => reads.length > 0)
  const others = [store.reload(), store.reload()]
  await store.inTurn(async () => void log.push('while it is read'))
  t.equal(reads.length, 1)
  reads.shift()?.()
  await first
  const change = store.inTurn(() => store.recompile())
  await until('the second read', () => reads.length > 0)
  reads.shift()?.()
  await Promise.all([...others, change])
  t.equal(reads.length, 0, 'two that wait for the first are read once')
  t.same(
    log.filter((line) => /applied|while/.test(line)),
    ['while it is read', 'applied 1', 'applied 2', 'applied 3', 'applied 4'],
  )
  await t.rejects(store.inTurn(async () => Promise.reject(new Error('x'))))
  await t.resolves(
    store.inTurn(() => store.recompile()),
    'a failed one holds up nothing',
  )
})

t.test('watched: a file that comes, changes by rename, goes; a directory made later', async (t) => {
  const dir = join(t.testdir({}), 'later')
  let changes = 0
  t.teardown(watchDirectories([dir], () => changes++))
  const changed = (what: string, from: number) => until(what, () => changes > from, 6000)
  mkdirSync(dir)
  writeFileSync(join(dir, 'a.yaml'), '1')
  await changed('made later', 0)
  const before = changes
  writeFileSync(join(dir, 'a.yaml'), '22')
  await changed('written', before)
  const again = changes
  rmSync(join(dir, 'a.yaml'))
  await changed('removed', again)
  const quiet = changes
  writeFileSync(join(dir, '.a.yaml.swp'), 'x')
  writeFileSync(join(dir, 'note.txt'), 'x')
  await new Promise((resolve) => setTimeout(resolve, 150))
  t.equal(changes, quiet, 'other files say nothing')
})
