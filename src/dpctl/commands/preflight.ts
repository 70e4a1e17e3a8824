import { preflightAnswerSchema } from '../../core/api/status.js'
import { type Command, printJson } from '../command.js'
import { EXIT_FINDING, EXIT_OK } from '../exit-code.js'
import { formatTable } from '../table.js'

export const preflight: Command = {
  words: ['preflight'],
  usage: 'preflight',
  summary: 'each missing kernel option or tool and what it costs',
  options: {},
  async run(context) {
    const answer = await context.client.get('/v1/preflight', preflightAnswerSchema)
    const isClean = answer.driver !== null && answer.findings.every(({ state }) => state === 'ok')
    if (context.output === 'json') printJson(context, answer)
    else {
      context.out(
        formatTable(
          ['SUBJECT', 'STATE', 'COST'],
          answer.findings.map(({ subject, state, cost }) => [subject, state, cost]),
        ),
      )
      context.out(
        answer.driver === null ? 'no driver works on this node\n' : `driver: ${answer.driver}\n`,
      )
    }
    return isClean ? EXIT_OK : EXIT_FINDING
  },
}
