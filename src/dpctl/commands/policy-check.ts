import * as path from 'node:path'
import { compile } from '../../core/policy/compile.js'
import { EMPTY_DIRECTORY, loadEndpointsDirectory } from '../../core/policy/endpoints-directory.js'
import { loadPolicySet } from '../../core/policy/load.js'
import type { PolicySet } from '../../core/policy/model.js'
import { type DocumentError, formatDocumentError, type TextFile } from '../../core/yaml-document.js'
import { type Command, type Context, printJson } from '../command.js'
import { EXIT_FINDING, EXIT_OK, UsageError } from '../exit-code.js'

export function readTexts(context: Context, files: readonly string[]): TextFile[] {
  return files.map((file) => {
    try {
      return { path: file, text: Buffer.from(context.readFile(file)).toString('utf8') }
    } catch (error) {
      throw new UsageError(`${file}: cannot be read: ${(error as Error).message}`)
    }
  })
}

function faultsOf(texts: readonly TextFile[]): {
  readonly errors: readonly DocumentError[]
  readonly set: PolicySet | null
} {
  const endpoints = texts.filter(({ path: file }) => isEndpointsFile(file))
  const policies = texts.filter((text) => !endpoints.includes(text))
  const directory = loadEndpointsDirectory(endpoints)
  const load = loadPolicySet(policies)
  const errors = [...(load.ok ? [] : load.errors), ...(directory.ok ? [] : directory.errors)]
  return { errors, set: load.ok ? load.set : null }
}

/** endpoints.d has a schema of its own; its files are known by their directory. */
function isEndpointsFile(file: string): boolean {
  return path.basename(path.dirname(path.resolve(file))) === 'endpoints.d'
}

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
    const { errors, set } = faultsOf(readTexts(context, positionals))
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
