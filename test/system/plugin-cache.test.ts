import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Node } from '../node.js'
import { exec } from '../process.js'
import { root } from '../root.js'

t.setTimeout(240_000)

/** The plugin's folder, as a build leaves it. */
function staged(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'vethwall-cache-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  cpSync(join(root, 'dist', 'plugin'), dir, { recursive: true })
  return dir
}

/** What V8 says of the cache in a folder; the script is what index.js makes of the bundle. */
const ASK = `
const { Script } = require('node:vm')
const load = (path, options) => {
  const script = new Script(...options)
  process.on('exit', () => console.error('rejected: ' + script.cachedDataRejected))
  return script
}
require('node:vm').Script = class { constructor(...o) { return load(o[1].filename, o) } }
process.argv.splice(1, 1)
require(process.argv[1])
`
const version = (dir: string) =>
  exec('env', ['-i', process.execPath, '-e', ASK, 'x', join(dir, 'index.js'), '--version'])

t.test('the cache of the build is taken', async (t) => {
  const dir = staged(t)
  const ran = await version(dir)
  t.match(ran, { status: 0, stdout: /^vethwall \d/, stderr: /rejected: false/ })
})

t.test('a cache of something else is refused, and the plugin runs without', async (t) => {
  const dir = staged(t)
  const cache = join(dir, 'plugin.cache')
  for (const [name, octets] of [
    ['of other flags', flipped(readFileSync(cache), 12)],
    ['cut short', readFileSync(cache).subarray(0, 4096)],
    ['empty', Buffer.alloc(0)],
  ] as const) {
    writeFileSync(cache, octets)
    const ran = await version(dir)
    t.match(ran, { status: 0, stdout: /^vethwall \d/, stderr: /rejected: true/ }, name)
  }
  rmSync(cache)
  t.match(await version(dir), { status: 0, stdout: /^vethwall \d/ }, 'none at all')
})

t.test('an ADD loads no zod: it reads no state', async (t) => {
  const dir = staged(t)
  const node = new Node({ name: `vwz${process.pid}` })
  t.teardown(() => node.close())
  const plugin = join(node.dir, 'bin', 'vethwall')
  rmSync(plugin)
  writeFileSync(plugin, `#!/bin/sh\nexec ${process.execPath} ${dir}/index.js\n`, { mode: 0o755 })
  await node.startDpd()
  renameSync(join(dir, 'zod.js'), join(dir, 'zod.away'))
  const pod = await node.addPod('a')
  await t.rejects(node.chain.del(node.attachment('a')), /zod/, 'a DEL reads the record')
  renameSync(join(dir, 'zod.away'), join(dir, 'zod.js'))
  await node.removePod(pod)
})

function flipped(octets: Buffer, at: number): Buffer {
  octets[at] = (octets[at] ?? 0) ^ 0xff
  return octets
}
