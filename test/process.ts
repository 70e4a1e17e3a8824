/** Processes that tests start: run to their end, waited for, never outliving who started them. */
import { spawn } from 'node:child_process'

/** setpriv(1): a test that is killed takes its servers along. */
export const ENDS_WITH_US = ['--pdeathsig', 'KILL'] as const
/** Of what should come at once: for a machine with much else to do. Emulated machines are given more. */
const DEADLINE_MS = Number(process.env.TEST_DEADLINE_MS ?? 60_000)

export interface Exit {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Polls until the condition gives something truthy; the message names it when the deadline passes. */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  deadlineMs = DEADLINE_MS,
): Promise<NonNullable<T>> {
  const end = Date.now() + deadlineMs
  for (;;) {
    const value = await condition()
    if (value) return value
    if (Date.now() > end) throw new Error(`waited ${deadlineMs} ms in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export function exec(
  command: string,
  args: readonly string[],
  options: { readonly timeoutMs?: number; readonly input?: string } = {},
): Promise<Exit> {
  return new Promise((resolve) => {
    const child = spawn(command, [...args], {
      timeout: options.timeoutMs ?? DEADLINE_MS,
      killSignal: 'SIGKILL',
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk
    })
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk
    })
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
    child.on('error', (error) => resolve({ status: 127, stdout, stderr: String(error) }))
    child.on('close', (status) => resolve({ status: status ?? 128, stdout, stderr }))
  })
}
