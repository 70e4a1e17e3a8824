import { modeAnswerSchema, modeRequestSchema } from '../../core/api/endpoint.js'
import { API_PROTOCOL } from '../../core/api/protocol.js'
import { type Command, printJson } from '../command.js'
import { EXIT_OK, UsageError } from '../exit-code.js'
import { formatPods } from './pods.js'

export const mode: Command = {
  words: ['mode'],
  usage: 'mode POD discover|monitor|protect|auto|quarantine|release',
  summary: 'override what the policies say of a pod, until `auto`; or cut it off, until `release`',
  options: {},
  async run(context, { positionals }) {
    const [pod, wanted] = positionals
    const request = modeRequestSchema.safeParse({ protocol: API_PROTOCOL, pod, mode: wanted })
    if (!request.success || positionals.length !== 2)
      throw new UsageError(`usage: dpctl ${mode.usage}`)
    const answer = await context.client.post('/v1/mode', request.data, modeAnswerSchema)
    if (context.output === 'json') printJson(context, answer)
    else context.out(formatPods(answer.pods, context.output === 'wide'))
    return EXIT_OK
  },
}
