import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import t from 'tap'
import { PRODUCT_VERSION } from '../../src/core/product-version.js'
import { root } from '../root.js'

/** design §7: which folder of src/ may import which; the longest matching folder counts. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: ['core'],
  intercept: ['intercept', 'core'],
  conflist: ['conflist', 'intercept', 'core'],
  plugin: ['plugin', 'intercept', 'core'],
  install: ['install', 'conflist', 'intercept', 'core'],
  'dpd/dpi': ['dpd/dpi', 'core'],
  dpd: ['dpd', 'conflist', 'intercept', 'core'],
  // `replay` runs the engine and the judge without a daemon.
  dpctl: ['dpctl', 'dpd', 'intercept', 'core'],
}
/** addon → shard → {os, engine} and engine → {flow, policy} → wire: only a shard joins os and engine. */
const MAY_INCLUDE: Readonly<Record<string, readonly string[]>> = {
  wire: ['wire'],
  flow: ['flow', 'wire', 'engine/records.h'],
  policy: ['policy', 'wire', 'engine/records.h'],
  engine: ['engine', 'flow', 'policy', 'wire'],
  os: ['os', 'wire', 'engine/records.h'],
  // The layouts that the kernel program shares.
  shard: ['shard', 'os', 'engine', 'flow', 'policy', 'wire', 'bpf/vethwall.bpf.h'],
  addon: ['addon', 'shard', 'os', 'engine', 'flow', 'policy', 'wire'],
  // Looks at the engine from outside, over a device of the kernel.
  differential: [
    'differential',
    'engine/engine.h',
    'engine/tcp_flags.h',
    'os',
    'wire',
    'test/engine_frame.h',
    'test/engine_net.h',
    'test/engine_recorder.h',
  ],
}

function filesBelow(folder: string, suffix: RegExp): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return names.filter((name) => suffix.test(name)).map((name) => join(folder, name))
}

const folderOf = (file: string): string =>
  Object.keys(MAY_IMPORT)
    .filter((folder) => file.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length)[0] ?? file

t.test('src: imports go one way', async (t) => {
  for (const file of filesBelow('src', /\.ts$/)) {
    const inSrc = relative('src', file)
    const allowed = MAY_IMPORT[folderOf(inSrc)] ?? []
    const text = readFileSync(join(root, file), 'utf8')
    for (const [, specifier = ''] of text.matchAll(/from '([^']+)'|import\('([^']+)'\)/g)) {
      if (!specifier.startsWith('.')) continue
      const target = normalize(join(dirname(inSrc), specifier))
      const ok = allowed.some((folder) => target.startsWith(`${folder}/`))
      if (!ok) t.fail(`${file} imports ${specifier}`)
    }
  }
  t.pass('checked')
})

t.test('core is pure: no I/O, clock, random or environment', async (t) => {
  const impure = /from 'node:|Date\.now\(|new Date\(\)|Math\.random\(|process\.|performance\.now/
  for (const file of filesBelow('src/core', /\.ts$/)) {
    t.notMatch(readFileSync(join(root, file), 'utf8'), impure, file)
  }
})

/** Parsers are pure: no module of Node's, but for what decisions/0019-quic-crypto.md lets in. */
const PARSERS_MAY_LOAD: Readonly<Record<string, readonly string[]>> = {
  'src/dpd/dpi/quic/keys.ts': ['node:crypto'],
}

t.test('parsers load nothing of Node or of packages', async (t) => {
  for (const file of filesBelow('src/dpd/dpi', /\.ts$/)) {
    const text = readFileSync(join(root, file), 'utf8')
    const loaded = [...text.matchAll(/from '([^.'][^']*)'/g)].map(([, specifier = '']) => specifier)
    t.same(loaded, PARSERS_MAY_LOAD[file] ?? [], file)
  }
})

t.test('the plugin loads only what ADD needs', async (t) => {
  const heavy = /from '(zod|yaml|pino|node:(http|net|crypto|child_process|timers.promises))'/
  const seen = new Set<string>()
  const visit = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    const text = readFileSync(join(root, file), 'utf8')
    t.notMatch(text, heavy, file)
    for (const [whole, specifier = ''] of text.matchAll(
      /^(?:import|export)[^']*from '(\.[^']+)'/gm,
    )) {
      if (/^(import|export) type /.test(whole)) continue
      visit(join(dirname(file), specifier.replace(/\.js$/, '.ts')))
    }
  }
  visit('src/plugin/main.ts')
})

t.test('native: includes go one way', async (t) => {
  for (const folder of Object.keys(MAY_INCLUDE)) {
    for (const file of filesBelow(`native/${folder}`, /\.(cc|h)$/)) {
      const text = readFileSync(join(root, file), 'utf8')
      for (const [, target = ''] of text.matchAll(/^#include "([^"]+)"/gm)) {
        const ok = MAY_INCLUDE[folder]?.some(
          (allowed) => target === allowed || target.startsWith(`${allowed}/`),
        )
        if (!ok) t.fail(`${file} includes ${target}`)
      }
      if (folder !== 'addon') t.notMatch(text, /napi/i, `${file} knows nothing of Node`)
    }
  }
})

t.test('one version', async (t) => {
  const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  t.match(manifest, { version: PRODUCT_VERSION })
})
