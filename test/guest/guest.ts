/**
 * Runs a shell command under a stock Debian kernel: qemu in software emulation, this machine's root
 * file system read-only below a tmpfs overlay, so that the guest sees the checkout at its own path
 * and nothing that it writes stays. See prepare.sh for what it boots.
 */
import { spawn } from 'node:child_process'
import { realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../root.js'

/** The guest's root is elsewhere while it looks there: no links. */
const cache = (): string => realpathSync(join(root, '.cache', 'guest'))
let runs = 0

export interface GuestRun {
  /** Exit status of the command; null = the guest never got there. */
  readonly status: number | null
  readonly output: string
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

function commandScript(command: string, env: Readonly<Record<string, string>>): string {
  const exports = Object.entries({ HOME: '/root', PATH: process.env.PATH ?? '', ...env })
  return [
    '#!/bin/sh',
    ...exports.map(([name, value]) => `export ${name}=${quote(value)}`),
    `cd ${quote(root)}`,
    command,
    '',
  ].join('\n')
}

function qemuArguments(script: string): string[] {
  const append = `console=ttyS0 quiet panic=-1 guest.cache=${cache()} guest.script=${script}`
  return [
    ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '3072'],
    ...['-nic', 'none', '-display', 'none', '-no-reboot', '-monitor', 'none'],
    ...['-kernel', join(cache(), 'vmlinuz'), '-initrd', join(cache(), 'initramfs.gz')],
    ...['-append', append, '-serial', `file:${script}.console`, '-serial', 'stdio'],
    ...['-virtfs', 'local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap'],
  ]
}

/** Lines of output go to `onLine` as they come; at the deadline the guest is ended. */
export function runInGuest(
  command: string,
  options: {
    readonly timeoutMs: number
    readonly env?: Readonly<Record<string, string>>
    readonly onLine?: (line: string) => void
  },
): Promise<GuestRun> {
  const script = join(cache(), `command-${process.pid}-${runs++}.sh`)
  writeFileSync(script, commandScript(command, options.env ?? {}))
  return new Promise((resolve, reject) => {
    const guest = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...qemuArguments(script)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    const deadline = setTimeout(() => guest.kill('SIGKILL'), options.timeoutMs)
    let output = ''
    let seen = 0
    guest.stdout.setEncoding('utf8')
    guest.stdout.on('data', (chunk: string) => {
      output += chunk
      for (let end = output.indexOf('\n', seen); end >= 0; end = output.indexOf('\n', seen)) {
        options.onLine?.(output.slice(seen, end))
        seen = end + 1
      }
    })
    guest.on('error', reject)
    guest.on('close', () => {
      clearTimeout(deadline)
      rmSync(script)
      const exit = /^guest-exit (\d+)\s*$/m.exec(output)
      if (exit !== null) rmSync(`${script}.console`)
      resolve({ status: exit === null ? null : Number(exit[1]), output })
    })
  })
}
