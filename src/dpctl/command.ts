import type { Client } from './client.js'

/** What a command may touch; tests bring their own. */
export interface Context {
  readonly client: Client
  readonly output: 'table' | 'wide' | 'json'
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Ends `-f`. */
  readonly signal: AbortSignal
  readonly readFile: (path: string) => Uint8Array
}

export interface Command {
  /** The words that choose it, e.g. `['policy', 'check']`. */
  readonly words: readonly string[]
  readonly usage: string
  readonly summary: string
  /** Options of its own, for node:util's parseArgs. */
  readonly options: Readonly<
    Record<string, { readonly type: 'string' | 'boolean'; readonly short?: string }>
  >
  /** Resolves to the exit code. */
  run(context: Context, args: CommandArguments): Promise<number>
}

export interface CommandArguments {
  readonly positionals: readonly string[]
  readonly values: Readonly<Record<string, string | boolean | undefined>>
}

export function printJson(context: Context, value: unknown): void {
  context.out(`${JSON.stringify(value, null, 2)}\n`)
}
