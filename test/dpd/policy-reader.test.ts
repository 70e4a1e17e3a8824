import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { PolicyReader } from '../../src/dpd/policy-reader.js'

const POLICIES = 1500

function policyText(index: number): string {
  return `---
apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: p${index}, namespace: default }
spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: 10.0.0.0/8 } }], ports: [{ port: 80 }] }] }
`
}

function makeReader(t: Test, texts: readonly string[]) {
  const dir = t.testdir({})
  const directories = { policies: join(dir, 'policy.d'), endpoints: join(dir, 'endpoints.d') }
  for (const path of Object.values(directories)) mkdirSync(path)
  texts.forEach((text, i) => {
    writeFileSync(join(directories.policies, `${i}.yaml`), text)
  })
  const lastGoodFile = join(dir, 'last-good.json')
  const file = new URL('../../src/dpd/main.js', import.meta.url)
  return {
    reader: new PolicyReader({ directories, lastGoodFile, file, warn: t.fail }),
    lastGoodFile,
  }
}

t.test('a large set is read while the main thread goes on', async (t) => {
  const text = Array.from({ length: POLICIES }, (_, i) => policyText(i)).join('')
  const { reader, lastGoodFile } = makeReader(t, [text])
  let turns = 0
  const timer = setInterval(() => turns++, 5)
  const load = await reader.read()
  clearInterval(timer)
  t.ok(turns > 10, `${turns} turns meanwhile`)
  t.equal(load.ok && load.sources.set.policies.length, POLICIES)
  t.match(JSON.parse(readFileSync(lastGoodFile, 'utf8')), { schema: 1 })
  t.equal(reader.readLastGood()?.set.policies.length, POLICIES)
})

t.test('what is wrong in it is named', async (t) => {
  const good = Array.from({ length: POLICIES }, (_, i) => policyText(i)).join('')
  const { reader } = makeReader(t, [good, 'kind: Policy\n'])
  t.match(await reader.read(), { ok: false, faults: [{ file: /1\.yaml$/, line: 1 }] })
})

t.test('a small set needs no thread', async (t) => {
  const { reader } = makeReader(t, [policyText(1)])
  t.match(await reader.read(), { ok: true, sources: { set: { policies: [{ name: 'p1' }] } } })
})
