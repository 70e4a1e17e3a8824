/** Picks the command, runs it, turns what it throws into an exit code. */
import { parseArgs } from 'node:util'
import { DEFAULT_INSTANCE, instanceOf, isInstanceName } from '../core/instance.js'
import { PRODUCT_VERSION } from '../core/product-version.js'
import { openClient } from './client.js'
import type { Command, CommandArguments, Context } from './command.js'
import { adopt, release } from './commands/adopt.js'
import { flows } from './commands/flows.js'
import { mode } from './commands/mode.js'
import { pods } from './commands/pods.js'
import { policyCheck } from './commands/policy-check.js'
import { policyLearn } from './commands/policy-learn.js'
import { preflight } from './commands/preflight.js'
import { quarantine } from './commands/quarantine.js'
import { replay } from './commands/replay.js'
import { status } from './commands/status.js'
import { why } from './commands/why.js'
import {
  EXIT_FINDING,
  EXIT_OK,
  EXIT_UNREACHABLE,
  EXIT_USAGE,
  Refused,
  Unreachable,
  UsageError,
} from './exit-code.js'

const COMMANDS: readonly Command[] = [
  status,
  pods,
  flows,
  why,
  mode,
  quarantine,
  adopt,
  release,
  policyCheck,
  policyLearn,
  preflight,
  replay,
]

export type World = Pick<Context, 'out' | 'err' | 'signal' | 'readFile'>

const GLOBAL_OPTIONS = {
  instance: { type: 'string' },
  socket: { type: 'string' },
  output: { type: 'string', short: 'o' },
  version: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

function usage(): string {
  const lines = COMMANDS.map((command) => `  dpctl ${command.usage}\n      ${command.summary}\n`)
  return `usage: dpctl [--instance NAME | --socket PATH] [-o json] COMMAND
${lines.join('')}exit: 0 ok, 1 finding, 2 usage, 3 dpd does not answer
`
}

function commandOf(argv: readonly string[]): Command | null {
  const options = Object.assign({}, ...COMMANDS.map((command) => command.options), GLOBAL_OPTIONS)
  const { positionals } = parseArgs({
    args: [...argv],
    options,
    allowPositionals: true,
    strict: false,
  })
  return COMMANDS.find(({ words }) => words.every((word, i) => positionals[i] === word)) ?? null
}

function parse(command: Command, argv: readonly string[]): CommandArguments {
  try {
    const { positionals, values } = parseArgs({
      args: [...argv],
      options: { ...command.options, ...GLOBAL_OPTIONS },
      allowPositionals: true,
    })
    const checked = Object.entries(values).map(([name, value]) => [name, value as string | boolean])
    return {
      positionals: positionals.slice(command.words.length),
      values: Object.fromEntries(checked),
    }
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\nusage: dpctl ${command.usage}`)
  }
}

function socketOf(values: CommandArguments['values']): string {
  if (typeof values.socket === 'string') return values.socket
  const instance = values.instance ?? DEFAULT_INSTANCE
  if (typeof instance === 'string' && isInstanceName(instance))
    return instanceOf(instance).socketPath
  throw new UsageError(`--instance ${String(instance)}: use 1 to 32 of A-Z a-z 0-9 _ . -`)
}

function outputOf(values: CommandArguments['values']): Context['output'] {
  const output = values.output ?? 'table'
  if (output === 'table' || output === 'wide' || output === 'json') return output
  throw new UsageError(`-o ${String(output)}: use table, wide or json`)
}

async function runCommand(argv: readonly string[], world: World): Promise<number> {
  const command = commandOf(argv)
  if (command === null) {
    if (argv.includes('--version')) world.out(`dpctl ${PRODUCT_VERSION}\n`)
    else if (argv.includes('--help') || argv.includes('-h')) world.out(usage())
    else throw new UsageError(usage())
    return EXIT_OK
  }
  const args = parse(command, argv)
  if (args.values.version === true || args.values.help === true) {
    world.out(
      args.values.version === true
        ? `dpctl ${PRODUCT_VERSION}\n`
        : `usage: dpctl ${command.usage}\n`,
    )
    return EXIT_OK
  }
  const { output, instance: _instance, socket: _socket, ...own } = args.values
  const client = openClient(socketOf(args.values))
  const context: Context = { ...world, client, output: outputOf({ output }) }
  return await command.run(context, { positionals: args.positionals, values: own })
}

export async function run(argv: readonly string[], world: World): Promise<number> {
  try {
    return await runCommand(argv, world)
  } catch (error) {
    if (error instanceof UsageError) {
      world.err(`${error.message.trimEnd()}\n`)
      return EXIT_USAGE
    }
    if (error instanceof Unreachable) {
      world.err(`dpctl: ${error.message}\n`)
      return EXIT_UNREACHABLE
    }
    if (error instanceof Refused) {
      world.err(`dpctl: ${error.message}\n`)
      return error.code.startsWith('bad-') ? EXIT_USAGE : EXIT_FINDING
    }
    throw error
  }
}
