import { statusAnswerSchema } from '../../core/api/status.js'
import { type Command, printJson } from '../command.js'
import { EXIT_FINDING, EXIT_OK } from '../exit-code.js'
import { formatPairs } from '../table.js'

export const status: Command = {
  words: ['status'],
  usage: 'status',
  summary: 'how dpd is, which policy set is in force, and what needs you',
  options: {},
  async run(context) {
    const answer = await context.client.get('/v1/status', statusAnswerSchema)
    const code = answer.findings.length === 0 ? EXIT_OK : EXIT_FINDING
    if (context.output === 'json') {
      printJson(context, answer)
      return code
    }
    const { policy, events, spoofed } = answer
    context.out(
      formatPairs([
        ['instance', `${answer.instance} (dpd ${answer.version}, pid ${answer.pid})`],
        ['since', answer.startedAt],
        ['driver', answer.driver],
        ['endpoints', String(answer.endpoints)],
        ['live flows', String(answer.liveFlows)],
        [
          'policy',
          `generation ${policy.generation}: ${policy.policies} policies, ${policy.rules} rules, from ${policy.source}, loaded ${policy.loadedAt}`,
        ],
        [
          'events',
          events.file === null
            ? 'off'
            : `${events.file} (${events.written} written, ${events.lost} lost)`,
        ],
        [
          'spoofed',
          spoofed.frames === 0 ? '-' : `${spoofed.frames} frames, from ${spoofed.pods.join(', ')}`,
        ],
      ]),
    )
    for (const { pod, since, reason } of answer.quarantined) {
      const said = reason ?? 'no reason given'
      context.out(formatPairs([['quarantine', `${pod}, since ${since ?? 'unknown'}: ${said}`]]))
    }
    for (const fault of policy.faults) {
      context.out(`fault: ${fault.file}:${fault.line}:${fault.column}: ${fault.message}\n`)
    }
    for (const finding of answer.findings) context.out(`finding: ${finding}\n`)
    return code
  },
}
