import { learnAnswerSchema } from '../../core/api/status.js'
import { type Command, printJson } from '../command.js'
import { EXIT_OK, UsageError } from '../exit-code.js'

export const policyLearn: Command = {
  words: ['policy', 'learn'],
  usage: 'policy learn POD',
  summary: 'what a pod was seen to do, as a policy that allows just that',
  options: {},
  async run(context, { positionals }) {
    const [pod] = positionals
    if (positionals.length !== 1 || pod === undefined) {
      throw new UsageError(`usage: dpctl ${policyLearn.usage}`)
    }
    const answer = await context.client.get(
      `/v1/policy/learned?${new URLSearchParams({ pod })}`,
      learnAnswerSchema,
    )
    if (context.output === 'json') printJson(context, answer)
    else context.out(answer.policy)
    return EXIT_OK
  },
}
