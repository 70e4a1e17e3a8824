import { flowLineSchema, flowQuerySchema, flowsAnswerSchema } from '../../core/api/flow.js'
import { type Command, type CommandArguments, printJson } from '../command.js'
import { EXIT_OK, UsageError } from '../exit-code.js'
import { FLOW_HEADS, flowRow } from '../flow-text.js'
import { formatTable } from '../table.js'

function pathOf({ values }: CommandArguments): { path: string; isFollow: boolean } {
  const isFollow = values.follow === true
  const query = Object.fromEntries(
    Object.entries({ ...values, follow: isFollow ? '1' : '0' }).filter(([, v]) => v !== undefined),
  )
  const parsed = flowQuerySchema.safeParse(query)
  if (!parsed.success) {
    throw new UsageError(
      `${parsed.error.issues.map((i) => `--${i.path.join('.')}: ${i.message}`).join('; ')}\nusage: dpctl ${flows.usage}`,
    )
  }
  const search = new URLSearchParams(
    Object.fromEntries(Object.entries(parsed.data).map(([name, value]) => [name, String(value)])),
  )
  return { path: `/v1/flows?${search}`, isFollow }
}

export const flows: Command = {
  words: ['flows'],
  usage:
    'flows [-f] [--verdict allow|deny|undecided|would-deny] [--pod POD] [--app APP] [--state live|ended|all] [--limit N]',
  summary: 'live and ended flows with their verdict and rule; -f goes on with new ones',
  options: {
    follow: { type: 'boolean', short: 'f' },
    verdict: { type: 'string' },
    pod: { type: 'string' },
    app: { type: 'string' },
    state: { type: 'string' },
    limit: { type: 'string' },
  },
  async run(context, args) {
    if (args.positionals.length > 0) throw new UsageError(`usage: dpctl ${flows.usage}`)
    const { path, isFollow } = pathOf(args)
    if (!isFollow) {
      const answer = await context.client.get(path, flowsAnswerSchema)
      if (context.output === 'json') printJson(context, answer)
      else context.out(formatTable(FLOW_HEADS, answer.flows.map(flowRow)))
      return EXIT_OK
    }
    await context.client.follow(
      path,
      flowLineSchema,
      (line) =>
        context.out(
          context.output === 'json'
            ? `${JSON.stringify(line)}\n`
            : `${line.event.padEnd(6)}  ${flowRow(line.flow).join('  ')}\n`,
        ),
      context.signal,
    )
    return EXIT_OK
  },
}
