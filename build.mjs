// dist/: four bundles, each beside the addon, and in dist/bin the launchers and what they run.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
const dist = join(root, 'dist')
const run = (command, ...args) => {
  console.error(`build: ${command} ${args.join(' ')}`)
  execFileSync(command, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
}
const bin = (name) => join(root, 'node_modules', '.bin', name)

const PROGRAMS = { vethwall: 'plugin', dpd: 'dpd', dpctl: 'dpctl', 'vethwall-install': 'install' }
/**
 * Of Node. In dpd the main thread's young generation would grow to 32 MB and stay so, and each of V8's four
 * threads would keep memory of its own.
 */
const NODE_OPTIONS = { dpd: ' --max-semi-space-size=2 --v8-pool-size=1' }

run('make', '-s', `-j${availableParallelism()}`, '-C', 'native')
run(bin('tsc'), '-p', 'tsconfig.json')
rmSync(dist, { recursive: true, force: true })
mkdirSync(join(dist, 'bin'), { recursive: true })
const launch = join(dist, 'bin', 'launch')
// linux/binfmts.h: BINPRM_BUF_SIZE
if (launch.length > 190) throw new Error(`${launch}: too long for the first line of a script`)
copyFileSync(join(root, 'native', 'build', 'launch'), launch)
symlinkSync(process.execPath, join(dist, 'bin', 'node'))
for (const [program, folder] of Object.entries(PROGRAMS)) {
  const target = join(dist, folder)
  mkdirSync(target)
  if (program === 'vethwall') buildPlugin(target)
  else {
    bundle(join('.build', 'src', folder, 'main.js'), target)
    rewrite(join(target, 'index.js'), inAscii)
    writeFileSync(join(target, 'package.json'), '{"type":"module"}\n')
  }
  if (program === 'dpd') buildShard(target)
  copyFileSync(join(root, 'native', 'build', 'vethwall.node'), join(target, 'vethwall.node'))
  if (program === 'vethwall-install') continue
  writeFileSync(
    join(dist, 'bin', program),
    `#!${launch} ${folder}${NODE_OPTIONS[program] ?? ''}\n`,
    { mode: 0o755 },
  )
}

function bundle(main, target, ...options) {
  run(bin('ncc'), 'build', main, '-o', target, '--no-cache', '-q', ...options)
}

/** What the worker of a shard runs, beside the addon too: less than a third of dpd's. */
function buildShard(target) {
  const folder = join(root, '.build', 'shard')
  bundle(join('.build', 'src', 'dpd', 'shard.js'), folder)
  copyFileSync(join(folder, 'index.js'), join(target, 'shard.js'))
  rewrite(join(target, 'shard.js'), inAscii)
}

function rewrite(file, change) {
  writeFileSync(file, change(readFileSync(file, 'utf8')))
}

/** V8 keeps the text of a script, with one character that is not Latin-1 in two octets for each. */
function inAscii(text) {
  return text.replace(/[^\0-\x7f]/g, (unit) => `\\u${hex4(unit.charCodeAt(0))}`)
}

/** CommonJS scripts with V8's caches of their code, all read by start.cts: the plugin, and zod by itself. */
function buildPlugin(target) {
  const folder = join(root, '.build', 'plugin')
  mkdirSync(folder, { recursive: true })
  const plugin = bundleScript(
    folder,
    'entry',
    "require('../src/plugin/main.js')\n",
    '-e',
    'zod/mini',
  )
  writeFileSync(join(folder, 'zod.js'), `export { ${namesOfZod(plugin)} } from 'zod/mini'\n`)
  const zod = bundleScript(folder, 'zod-entry', "module.exports = require('./zod.js')\n")
  writeFileSync(join(target, 'plugin.js'), wrapped(plugin))
  writeFileSync(join(target, 'zod.js'), wrapped(zod))
  copyFileSync(join(root, '.build', 'src', 'plugin', 'start.cjs'), join(target, 'index.js'))
  writeFileSync(join(target, 'package.json'), '{"type":"commonjs"}\n')
  // Flags in NODE_OPTIONS would make it one for other flags than the plugin's.
  run('env', '-i', process.execPath, join(target, 'index.js'), '--write-cache')
}

function bundleScript(folder, name, text, ...options) {
  // By its name ncc knows what to make.
  const entry = join(folder, `${name}.cjs`)
  writeFileSync(entry, text)
  bundle(entry, join(folder, name), '-m', ...options)
  return readFileSync(join(folder, name, 'index.cjs'), 'utf8')
}

/** Without the rest of it, its locales above all. */
function namesOfZod(text) {
  const variable = /\b([\w$]+)=require\("zod\/mini"\)/.exec(text)?.[1]
  if (variable === undefined) throw new Error('plugin: zod/mini is not asked for by one require')
  const name = variable.replaceAll('$', '\\$')
  const uses = text.matchAll(
    new RegExp(`(?<![\\w$]|[^.]\\.)${name}(?:\\.(\\w+)|\\["(\\w+)"\\])`, 'g'),
  )
  return [...new Set([...uses].map(([, plain, quoted]) => plain ?? quoted))].sort().join(', ')
}

function wrapped(text) {
  return `(function (require, module, exports, __filename, __dirname) {${inAscii(text)}\n})\n`
}

function hex4(number) {
  return number.toString(16).padStart(4, '0')
}
