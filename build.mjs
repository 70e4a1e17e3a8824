// dist/: three bundles, each beside the addon, and the launchers dist/bin/*.
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

run('make', '-s', `-j${availableParallelism()}`, '-C', 'native')
run(bin('tsc'), '-p', 'tsconfig.json')
rmSync(dist, { recursive: true, force: true })
mkdirSync(join(dist, 'bin'), { recursive: true })
for (const [program, folder] of Object.entries(PROGRAMS)) {
  const main = join('.build', 'src', folder, 'main.js')
  const target = join(dist, folder)
  run(
    bin('ncc'),
    'build',
    main,
    '-o',
    target,
    '--no-cache',
    '-q',
    ...(folder === 'plugin' ? ['-m'] : []),
  )
  writeFileSync(join(target, 'package.json'), '{"type":"module"}\n')
  copyFileSync(join(root, 'native', 'build', 'vethwall.node'), join(target, 'vethwall.node'))
  const launcher = readFileSync(join(root, 'cni', 'launcher.sh'), 'utf8')
    .replaceAll('@NODE@', process.execPath)
    .replaceAll('@MAIN@', join(target, 'index.js'))
  if (program === 'vethwall-install') continue
  writeFileSync(join(dist, 'bin', program), launcher)
  chmodSync(join(dist, 'bin', program), 0o755)
}
