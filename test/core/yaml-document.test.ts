import t from 'tap'
import * as z from 'zod'
import { loadPolicySet } from '../../src/core/policy/load.js'
import {
  documentError,
  formatDocumentError,
  parseYaml,
  readDocument,
  type YamlDocument,
} from '../../src/core/yaml-document.js'
import { Random } from './policy/random-policy.js'

const TEXT = `# head
defaults:
  mode: protect
  list:
    - a: 1
    - {a: 2, "b.c": 3}
---
second: true
`

function documentsOf(text: string): readonly YamlDocument[] {
  const parsed = parseYaml({ path: 'dpd.yaml', text })
  if (!parsed.ok) throw new Error(parsed.errors.map(formatDocumentError).join('\n'))
  return parsed.value
}

t.test('values and positions of each document, counted from the start of the file', async (t) => {
  const [first, second] = documentsOf(TEXT)
  t.same(first?.value, { defaults: { mode: 'protect', list: [{ a: 1 }, { a: 2, 'b.c': 3 }] } })
  t.same(first?.position(['defaults', 'mode']), { line: 3, column: 3 })
  t.same(first?.position(['defaults', 'list', 1]), { line: 6, column: 7 })
  t.same(first?.position(['defaults', 'list', 1, 'b.c']), { line: 6, column: 14 })
  t.same(second?.position(['second']), { line: 8, column: 1 })
})

t.test('what is not there has the place of what would hold it', async (t) => {
  const [first] = documentsOf(TEXT)
  t.same(first?.position(['defaults', 'nothing', 'deeper']), { line: 3, column: 3 })
  t.same(first?.position([]), { line: 2, column: 1 })
})

t.test('a schema of anybody, the whole document or a part of it', async (t) => {
  const [first] = documentsOf(TEXT)
  if (first === undefined) throw new Error('no document')
  const schema = z.strictObject({
    mode: z.enum(['discover', 'monitor']),
    list: z.array(z.unknown()),
  })
  const reading = readDocument(schema, first, ['defaults'])
  t.same(reading.ok ? [] : reading.errors.map(formatDocumentError), [
    'dpd.yaml:3:3: defaults.mode: use discover, monitor',
  ])
  t.match(readDocument(z.object({ defaults: z.object({}) }), first), { ok: true })
  t.equal(
    formatDocumentError(documentError(first, ['defaults', 'list', 1, 'b.c'], 'no')),
    'dpd.yaml:6:14: defaults.list[1]["b.c"]: no',
  )
})

t.test('unions tell the alternative that got furthest, or all', async (t) => {
  const schema = z.object({
    port: z.union([z.int().max(65535, 'too high'), z.string().max(2, 'too long')]),
  })
  const message = (text: string) => {
    const [document] = documentsOf(text)
    if (document === undefined) return 'no document'
    const reading = readDocument(schema, document)
    return reading.ok ? 'ok' : reading.errors.map(formatDocumentError).join()
  }
  t.equal(message('port: 80'), 'ok')
  t.equal(message('port: 99999'), 'dpd.yaml:1:1: port: too high')
  t.equal(message('port: abc'), 'dpd.yaml:1:1: port: too long')
  t.match(message('port: true'), /must be a .*number or a string, found boolean/)
  t.match(message('{}'), /port/)
})

t.test('damaged text is an error or another policy, never an exception', async (t) => {
  const sound = `apiVersion: vethwall.dev/v1
kind: Policy
metadata: {name: p, namespace: shop}
spec:
  podSelector: {matchLabels: {app: &x web}}
  ingress:
    - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]
      http: [{hosts: [*x], paths: [/a%20b]}]
`
  t.ok(loadPolicySet([{ path: 'sound', text: sound }]).ok)
  const random = new Random(1)
  const pieces = [
    '',
    '\n',
    ':',
    '- ',
    '{',
    ']',
    '"',
    "'",
    '&x ',
    '*x',
    '!!map ',
    '<<: *x',
    '\t',
    '\0',
    '%',
    '---\n',
    '? ',
    '__proto__: ',
  ]
  let refused = 0
  for (let i = 0; i < 1500; i++) {
    let text = sound
    for (let edit = random.below(4); edit >= 0; edit--) {
      const at = random.below(text.length)
      text = text.slice(0, at) + random.pick(pieces) + text.slice(at + random.below(4))
    }
    const load = loadPolicySet([{ path: 'damaged', text }])
    if (load.ok) continue
    refused++
    const complete = load.errors.every(
      ({ line, column, message }) => line > 0 && column > 0 && message !== '',
    )
    if (!complete) t.fail('an error without place or message', { text, errors: load.errors })
  }
  t.ok(refused > 500, `${refused} refused`)
})
