/**
 * iptables and ip6tables inside a pod's namespace, each table replaced in one transaction. The tools are the
 * node's own, so that the pod's rules and ours are in the same back end (nf_tables or legacy).
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { parseSaved, type SavedTables } from '../../core/xtables/saved-tables.js'

/** When the first tool is run: loading it takes longer than most of what an ADD by the swap does. */
function processes(): typeof import('node:child_process') {
  return createRequire(import.meta.url)('node:child_process')
}

export type Family = 'ipv4' | 'ipv6'

/** Whoever else holds the lock of the legacy back end is done by then. */
const LOCK_WAIT_S = 5
const TIMEOUT_MS = 10_000
const OUTPUT_OCTETS = 16 << 20
/** A runtime hands its plugins any PATH. */
const PATH = '/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin'
const NETNS_FD_IN_CHILD = 3

const TOOLS: Readonly<Record<Family, { readonly save: string; readonly restore: string }>> = {
  ipv4: { save: 'iptables-save', restore: 'iptables-restore' },
  ipv6: { save: 'ip6tables-save', restore: 'ip6tables-restore' },
}

export class XtablesError extends Error {
  override readonly name = 'XtablesError'
}

export class MissingToolError extends XtablesError {}

/** nsenter(1), as a shell: there is no such program. */
const STATUS_NOT_FOUND = 127

/** A kernel without IPv6 has no tables for it. */
export function families(): readonly Family[] {
  return existsSync('/proc/sys/net/ipv6') ? ['ipv4', 'ipv6'] : ['ipv4']
}

interface Command {
  readonly tool: string
  readonly args: readonly string[]
  readonly input: string
}

const saving = (family: Family): Command => ({ tool: TOOLS[family].save, args: [], input: '' })

const restoring = (family: Family, input: string): Command => ({
  tool: TOOLS[family].restore,
  args: ['--noflush', '--wait', `${LOCK_WAIT_S}`],
  input,
})

function commandLine({ tool, args }: Command): readonly [file: string, args: string[]] {
  return ['nsenter', [`--net=/proc/self/fd/${NETNS_FD_IN_CHILD}`, tool, ...args]]
}

const environment = { PATH, LC_ALL: 'C' }

interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function outputOf({ tool }: Command, { status, stdout, stderr }: Ended): string {
  if (status === 0) return stdout
  // A line of the usage hint beside it says nothing.
  const said = stderr.split('\n').find((line) => line.trim() !== '') ?? ''
  const how = status === null ? `no end within ${TIMEOUT_MS} ms` : `status ${status}`
  const message = `${tool}: ${said === '' ? how : said}`
  throw status === STATUS_NOT_FOUND ? new MissingToolError(message) : new XtablesError(message)
}

function notRun({ tool }: Command, error: Error): XtablesError {
  const message = `${tool}: ${error.message}`
  const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
  return isMissing ? new MissingToolError(message) : new XtablesError(message)
}

function run(netnsFd: number, command: Command): string {
  const [file, args] = commandLine(command)
  const ended = processes().spawnSync(file, args, {
    ...{ input: command.input, env: environment, encoding: 'utf8', timeout: TIMEOUT_MS },
    ...{ maxBuffer: OUTPUT_OCTETS, stdio: ['pipe', 'pipe', 'pipe', netnsFd] },
  })
  if (ended.error !== undefined) throw notRun(command, ended.error)
  return outputOf(command, ended)
}

function runAside(netnsFd: number, command: Command): Promise<string> {
  const [file, args] = commandLine(command)
  return new Promise((resolve, reject) => {
    const child = processes().spawn(file, args, {
      ...{ env: environment, timeout: TIMEOUT_MS, stdio: ['pipe', 'pipe', 'pipe', netnsFd] },
    })
    let stdout = ''
    let stderr = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    // It may end before it has read all.
    child.stdin?.on('error', () => {})
    child.stdin?.end(command.input)
    child.on('error', (error) => reject(notRun(command, error)))
    child.on('close', (status) => {
      try {
        resolve(outputOf(command, { status, stdout, stderr }))
      } catch (error) {
        reject(error)
      }
    })
  })
}

export function readTables(netnsFd: number, family: Family): SavedTables {
  return parseSaved(run(netnsFd, saving(family)))
}

export function writeTables(netnsFd: number, family: Family, text: string): void {
  run(netnsFd, restoring(family, text))
}

/** As readTables, while the event loop goes on. */
export async function readTablesAside(netnsFd: number, family: Family): Promise<SavedTables> {
  return parseSaved(await runAside(netnsFd, saving(family)))
}

export async function writeTablesAside(
  netnsFd: number,
  family: Family,
  text: string,
): Promise<void> {
  await runAside(netnsFd, restoring(family, text))
}
