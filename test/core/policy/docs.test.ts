/** The examples of docs/policy.md are loaded as they are printed. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { BLOCKS } from '../../../src/core/policy/blocks.js'
import { loadEndpointsDirectory } from '../../../src/core/policy/endpoints-directory.js'
import { loadPolicySet } from '../../../src/core/policy/load.js'
import { formatDocumentError } from '../../../src/core/yaml-document.js'
import { root } from '../../root.js'

const text = readFileSync(join(root, 'docs/policy.md'), 'utf8')
const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block)

t.test('every yaml block of docs/policy.md loads', async (t) => {
  t.ok(blocks.length >= 8, `${blocks.length} blocks`)
  for (const [i, block] of blocks.entries()) {
    const files = [{ path: `docs/policy.md block ${i + 1}`, text: block }]
    const isDirectory = /^(namespaces|pods):/m.test(block)
    const load = isDirectory ? loadEndpointsDirectory(files) : loadPolicySet(files)
    t.same(load.ok ? [] : load.errors.map(formatDocumentError), [], block)
  }
})

t.test('together they are one set: no name twice', async (t) => {
  const policies = blocks.filter((block) => /^kind:/m.test(block))
  const load = loadPolicySet(policies.map((block, i) => ({ path: `block ${i + 1}`, text: block })))
  t.same(load.ok ? [] : load.errors.map(formatDocumentError), [])
})

t.test('the table of blocks is that of blocks.ts', async (t) => {
  const rows = BLOCKS.flatMap(({ key, apps, fields, headers }) =>
    [...fields, ...(headers === undefined ? [] : [headers])].map((field, i) => {
      const names = apps.map((app) => `\`${app}\``).join(', ')
      const begin = i === 0 ? `| \`${key}\` | ${names} |` : '| | |'
      return `${begin} \`${field.key}\` | ${field.compared} |`
    }),
  )
  const table = /^\| block \| apps \| field \|.*\n\|[-|]+\n((?:\|.*\n)+)/m.exec(text)?.[1] ?? ''
  t.equal(table, `${rows.join('\n')}\n`)
})
