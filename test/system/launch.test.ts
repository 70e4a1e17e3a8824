import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { exec } from '../process.js'
import { root } from '../root.js'

/** A launcher of its own, with a shell script for its node. */
function staged(t: Test, node: string | null, what = 'program'): string {
  const dir = mkdtempSync(join(tmpdir(), 'vethwall-launch-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  mkdirSync(join(dir, 'bin'))
  copyFileSync(join(root, 'native', 'build', 'launch'), join(dir, 'bin', 'launch'))
  if (node !== null) writeFileSync(join(dir, 'bin', 'node'), node, { mode: 0o755 })
  const launcher = join(dir, 'launcher')
  writeFileSync(launcher, `#!${dir}/bin/launch ${what}\n`)
  chmodSync(launcher, 0o755)
  return launcher
}

t.test('arguments as they are; of the environment only what the programs read', async (t) => {
  const launcher = staged(t, '#!/bin/sh\nprintf "[%s]" "$@"; echo; /usr/bin/env; exit 7\n')
  const handedOn = {
    ...{ CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'a b', CNI_NETNS: '/n', CNI_IFNAME: 'eth0' },
    ...{ CNI_ARGS: 'A=1;B=$(2)', CNI_PATH: '/p', CNI_NETNS_OVERRIDE: '' },
    ...{ NOTIFY_SOCKET: '@n', WATCHDOG_USEC: '1', TERM: 'dumb', COLUMNS: '80' },
  }
  const hostile = {
    ...{
      NODE_OPTIONS: '--bad',
      NODE_EXTRA_CA_CERTS: '/x',
      LD_PRELOAD: '/x',
      LD_LIBRARY_PATH: '/x',
    },
    ...{ PATH: '/nowhere', CNI_COMMANDS: 'x', HOME: '/root', OPENSSL_CONF: '/x' },
  }
  const given = Object.entries({ ...hostile, ...handedOn }).map((pair) => pair.join('='))
  const ran = await exec('env', ['-i', ...given, launcher, 'x', '', 'two words'])
  t.equal(ran.status, 7, ran.stderr)
  const [args = '', ...lines] = ran.stdout.trim().split('\n')
  t.match(args, /^\[\S+\/bin\/\.\.\/program\/index\.js\]\[x\]\[\]\[two words\]$/)
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  const wanted = Object.entries({ ...handedOn, PATH: path }).map((pair) => pair.join('='))
  const shells = /^(PWD|SHLVL|_|OLDPWD)=/
  t.same(lines.filter((line) => !shells.test(line)).sort(), wanted.sort())
})

t.test("options of Node's come before the program", async (t) => {
  const launcher = staged(t, '#!/bin/sh\nprintf "[%s]" "$@"\n', 'program --an-option=2 --another')
  const ran = await exec(launcher, ['x', ''])
  const script = /\[\S+\/bin\/\.\.\/program\/index\.js\]/.source
  t.match(ran.stdout, new RegExp(`^\\[--an-option=2\\]\\[--another\\]${script}\\[x\\]\\[\\]$`))
})

t.test('without its node: said on stderr, status 127', async (t) => {
  const ran = await exec(staged(t, null), [])
  t.match(ran, { status: 127, stdout: '', stderr: /^vethwall: \S+\/bin\/node: No such file/ })
})
