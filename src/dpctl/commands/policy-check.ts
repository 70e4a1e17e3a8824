import { compile } from '../../core/policy/compile.js'
import { EMPTY_DIRECTORY } from '../../core/policy/endpoints-directory.js'
import type { PolicySet } from '../../core/policy/model.js'
import { formatDocumentError } from '../../core/yaml-document.js'
import { type Command, printJson } from '../command.js'
import { EXIT_FINDING, EXIT_OK, UsageError } from '../exit-code.js'
import { loadTexts } from '../policy-texts.js'

function warningsOf(set: PolicySet): readonly string[] {
  return compile({
    set,
    generation: 0,
    defaults: { mode: 'discover' },
    nodeAddresses: [],
    nodeTraffic: 'allow',
    directory: EMPTY_DIRECTORY,
    endpoints: [],
  }).warnings
}

export const policyCheck: Command = {
  words: ['policy', 'check'],
  usage: 'policy check FILE…',
  summary: 'whether these files load as one set; each fault with line and column; needs no dpd',
  options: {},
  async run(context, { positionals }) {
    if (positionals.length === 0) throw new UsageError(`usage: dpctl ${policyCheck.usage}`)
    const { errors, set } = loadTexts(context, positionals)
    const warnings = set === null ? [] : warningsOf(set)
    const policies = set?.policies ?? []
    if (context.output === 'json') {
      printJson(context, { ok: errors.length === 0, errors, warnings, policies: policies.length })
    } else {
      for (const error of errors) context.out(`${formatDocumentError(error)}\n`)
      for (const warning of warnings) context.out(`warning: ${warning}\n`)
      if (errors.length === 0) {
        const names = policies.map(({ namespace, name }) => `${namespace}/${name}`)
        context.out(`ok: ${policies.length} policies: ${names.join(', ') || 'none'}\n`)
      }
    }
    return errors.length === 0 ? EXIT_OK : EXIT_FINDING
  },
}
