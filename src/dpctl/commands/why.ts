import { type FlowView, whyAnswerSchema } from '../../core/api/flow.js'
import { protocolName } from '../../core/events/eve.js'
import { type Command, printJson } from '../command.js'
import { EXIT_OK, UsageError } from '../exit-code.js'
import { fieldsText, peerText, runsText, verdictText, withPort } from '../flow-text.js'
import { formatPairs } from '../table.js'

function describe(flow: FlowView): string {
  const { decision } = flow
  return formatPairs([
    ['flow', String(flow.flow)],
    [
      'pod',
      `${flow.namespace}/${flow.pod}/${flow.ifName} (endpoint ${flow.endpoint}, ${flow.mode})`,
    ],
    ['peer', peerText(flow)],
    ['direction', flow.direction],
    [
      'tuple',
      `${protocolName(flow.protocol).toLowerCase()} ${withPort(flow.source, flow.sourcePort, flow.protocol)} > ${withPort(flow.destination, flow.destinationPort, flow.protocol)}`,
    ],
    ['app', flow.app ?? 'not identified'],
    ['verdict', verdictText(flow)],
    ['rule', decision.rule],
    ['policy', decision.policy ?? '-'],
    ['reason', decision.reason],
    ['generation', String(decision.generation)],
    ['runs', runsText(flow)],
    ['started', flow.startedAt],
    ['ended', flow.endedAt === null ? 'live' : `${flow.endedAt} (${flow.how ?? '?'})`],
  ])
}

export const why: Command = {
  words: ['why'],
  usage: 'why FLOW',
  summary: 'which rule decided a flow and its transactions, and on what facts',
  options: {},
  async run(context, { positionals }) {
    const [flow] = positionals
    if (positionals.length !== 1 || flow === undefined || !/^\d{1,16}$/.test(flow)) {
      throw new UsageError(
        `usage: dpctl ${why.usage}: FLOW is the number that \`dpctl flows\` shows`,
      )
    }
    const answer = await context.client.get(`/v1/flows/${flow}/why`, whyAnswerSchema)
    if (context.output === 'json') {
      printJson(context, answer)
      return EXIT_OK
    }
    context.out(describe(answer.flow))
    for (const { tx, fields, decision } of answer.flow.transactions) {
      context.out(`  tx ${tx}: ${decision.verdict} by ${decision.rule}: ${fieldsText(fields)}\n`)
    }
    for (const sentence of answer.because) context.out(`${sentence}\n`)
    return EXIT_OK
  },
}
