import type * as z from 'zod'
import { API_PROTOCOL } from '../../core/api/protocol.js'
import { preflightAnswerSchema } from '../../core/api/status.js'
import { type Command, type Context, printJson } from '../command.js'
import { EXIT_FINDING, EXIT_OK, Unreachable } from '../exit-code.js'
import { formatTable } from '../table.js'

/** Asked of dpd, whose driver may be forced; before dpd is there, of the kernel itself. */
async function ask(context: Context): Promise<z.infer<typeof preflightAnswerSchema>> {
  try {
    return await context.client.get('/v1/preflight', preflightAnswerSchema)
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
    const [{ preflight: probe }, { os }] = await Promise.all([
      import('../../dpd/preflight.js'),
      import('../../intercept/addon.js'),
    ])
    context.err('dpctl: dpd does not answer; asking the kernel directly\n')
    const { driver, drivers, findings } = probe(os)
    return { protocol: API_PROTOCOL, driver, drivers: [...drivers], findings: [...findings] }
  }
}

const NFQUEUE = 'nfqueue'

/** Which works, and which one pods get. */
export function formatDrivers({ driver, drivers }: z.infer<typeof preflightAnswerSchema>): string {
  const rows = drivers.map(({ driver: name, lacks }) => [
    ...[name, lacks.length === 0 ? 'yes' : 'no', lacks.join(', ') || '-'],
  ])
  const table = rows.length === 0 ? '' : formatTable(['DRIVER', 'WORKS', 'LACKS'], rows)
  if (driver === null) return `${table}no driver works on this node\n`
  const hasRules = drivers.some(({ driver: name, lacks }) => name === NFQUEUE && lacks.length === 0)
  const others = hasRules && driver !== NFQUEUE ? "; nfqueue where an interface is no swap's" : ''
  return `${table}driver: ${driver}${others}\n`
}

export const preflight: Command = {
  words: ['preflight'],
  usage: 'preflight',
  summary: 'each missing kernel option or tool and what it costs',
  options: {},
  async run(context) {
    const answer = await ask(context)
    const isClean = answer.findings.every(({ state }) => state === 'ok')
    if (context.output === 'json') printJson(context, answer)
    else {
      context.out(
        formatTable(
          ['SUBJECT', 'STATE', 'COST'],
          answer.findings.map(({ subject, state, cost }) => [subject, state, cost]),
        ),
      )
      context.out(formatDrivers(answer))
    }
    return isClean ? EXIT_OK : EXIT_FINDING
  },
}
