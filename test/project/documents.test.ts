import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { root } from '../root.js'

const read = (file: string): string => readFileSync(join(root, file), 'utf8')

t.test('every dependency is justified, and nothing else is listed', async (t) => {
  const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>
  const names = [
    ...Object.keys(manifest.dependencies ?? {}),
    ...Object.keys(manifest.devDependencies ?? {}),
  ]
  const listed = [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` \|/gm)].map((m) => m[1])
  t.same(new Set(listed), new Set(names))
})

t.test('links between documents lead somewhere', async (t) => {
  const documents = [
    'README.md',
    'CHANGELOG.md',
    ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join('docs', name)),
  ]
  for (const document of documents) {
    for (const [, target = ''] of read(document).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (/^https?:/.test(target)) continue
      t.ok(existsSync(join(root, dirname(document), target)), `${document} → ${target}`)
    }
  }
})

t.test('the npm scripts that the README names exist', async (t) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const [, name = ''] of read('README.md').matchAll(/npm run ([a-z]+)/g))
    t.ok(scripts[name], name)
})
