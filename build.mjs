// dist/: four bundles, each beside the addon, and in dist/bin the launchers and what they run.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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
const launch = join(dist, 'bin', 'launch')
// linux/binfmts.h: BINPRM_BUF_SIZE
if (launch.length > 240) throw new Error(`${launch}: too long for the first line of a script`)
copyFileSync(join(root, 'native', 'build', 'launch'), launch)
symlinkSync(process.execPath, join(dist, 'bin', 'node'))
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
  if (program === 'vethwall-install') continue
  writeFileSync(join(dist, 'bin', program), `#!${launch} ${folder}\n`, { mode: 0o755 })
}
