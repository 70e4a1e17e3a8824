import { modeAnswerSchema, quarantineRequestSchema } from '../../core/api/endpoint.js'
import { API_PROTOCOL } from '../../core/api/protocol.js'
import { type Command, printJson } from '../command.js'
import { EXIT_FINDING, EXIT_OK, UsageError } from '../exit-code.js'
import { formatPods } from './pods.js'

export const quarantine: Command = {
  words: ['quarantine'],
  usage: 'quarantine POD --reason TEXT | --release',
  summary: 'cut a pod off in both directions, whatever the policies say, until it is released',
  options: { reason: { type: 'string' }, release: { type: 'boolean' } },
  async run(context, { positionals, values }) {
    const [pod] = positionals
    const isRelease = values.release === true
    const reason = isRelease ? null : values.reason
    const request = quarantineRequestSchema.safeParse({ protocol: API_PROTOCOL, pod, reason })
    const isOneOf = isRelease !== (values.reason !== undefined)
    if (!request.success || !isOneOf || positionals.length !== 1)
      throw new UsageError(`usage: dpctl ${quarantine.usage}`)
    const answer = await context.client.post('/v1/quarantine', request.data, modeAnswerSchema)
    if (context.output === 'json') printJson(context, answer)
    else context.out(formatPods(answer.pods, context.output === 'wide'))
    const failed = answer.pods.filter(({ path }) => (path === 'quarantine') === isRelease)
    for (const { namespace, pod: name, ifName } of failed)
      context.err(`dpctl: ${namespace}/${name}/${ifName}: not in force yet: read dpd's log\n`)
    return failed.length === 0 ? EXIT_OK : EXIT_FINDING
  },
}
