/** `adopt` and `release`: running pods taken in and given back. */
import { API_PROTOCOL } from '../../core/api/protocol.js'
import { type MovedView, movedAnswerSchema } from '../../core/api/running.js'
import { type Command, type CommandArguments, type Context, printJson } from '../command.js'
import { EXIT_FINDING, EXIT_OK, UsageError } from '../exit-code.js'
import { formatTable } from '../table.js'

const HEADS = ['POD', 'DONE', 'BY', 'LOST', 'WHY']

export function formatMoved(pods: readonly MovedView[]): string {
  const rows = pods.map(({ namespace, pod, ifName, done, attachment, why, lost }) => [
    ...[`${namespace}/${pod}/${ifName}`, done ? 'yes' : 'no', attachment ?? '-'],
    ...[lost.join(', ') || '-', why || '-'],
  ])
  return formatTable(HEADS, rows)
}

/** POD or --all, never both; null = all. */
function podOf({ positionals, values }: CommandArguments, usage: string): string | null {
  const [pod, ...more] = positionals
  const isAll = values.all === true
  if (more.length > 0 || isAll === (pod !== undefined))
    throw new UsageError(`usage: dpctl ${usage}`)
  return pod ?? null
}

async function move(context: Context, path: string, request: object): Promise<number> {
  const body = { protocol: API_PROTOCOL, ...request }
  const answer = await context.client.post(path, body, movedAnswerSchema)
  if (context.output === 'json') printJson(context, answer)
  else context.out(formatMoved(answer.pods))
  return answer.pods.every(({ done }) => done) ? EXIT_OK : EXIT_FINDING
}

export const adopt: Command = {
  words: ['adopt'],
  usage: 'adopt POD|--all [--by hairpin|swap]',
  summary: 'take pods in that ran before, while they run; `pods --unadopted` lists them',
  options: { all: { type: 'boolean' }, by: { type: 'string' } },
  async run(context, args) {
    const { by = 'auto' } = args.values
    if (by !== 'auto' && by !== 'hairpin' && by !== 'swap') {
      throw new UsageError(`--by ${String(by)}: use hairpin or swap`)
    }
    return await move(context, '/v1/adopt', { pod: podOf(args, adopt.usage), by })
  },
}

export const release: Command = {
  words: ['release'],
  usage: 'release POD|--all',
  summary: 'give running pods their own interface back; they stay out until `adopt`',
  options: { all: { type: 'boolean' } },
  run: (context, args) => move(context, '/v1/release', { pod: podOf(args, release.usage) }),
}
