import { readAddress } from '../../core/address.js'
import type { FlowView } from '../../core/api/flow.js'
import { protocolName } from '../../core/events/eve.js'
import { EMPTY_DIRECTORY } from '../../core/policy/endpoints-directory.js'
import { EMPTY_POLICY_SET } from '../../core/policy/model.js'
import { formatDocumentError } from '../../core/yaml-document.js'
import { unpackCapture } from '../../dpd/capture-file.js'
import type { ReplayInput, ReplayOutput } from '../../dpd/replay.js'
import { type Command, type CommandArguments, type Context, printJson } from '../command.js'
import { EXIT_FINDING, EXIT_OK, UsageError } from '../exit-code.js'
import { fieldsText, withPort } from '../flow-text.js'
import { type LoadedTexts, loadTexts } from '../policy-texts.js'
import { formatTable } from '../table.js'

const HEADS = ['PROTO', 'OPENER', 'RECEIVER', 'APP', 'VERDICT', 'RULE', 'WHAT']

/** One row per transaction, or one for a flow without any. */
function rows(flow: FlowView): string[][] {
  const head = [
    protocolName(flow.protocol).toLowerCase(),
    withPort(flow.source, flow.sourcePort, flow.protocol),
    withPort(flow.destination, flow.destinationPort, flow.protocol),
    flow.app ?? '-',
  ]
  if (flow.transactions.length === 0) {
    return [[...head, flow.decision.verdict, flow.decision.rule, fieldsText(flow.fields)]]
  }
  return flow.transactions.map(({ decision, fields }) => [
    ...head,
    decision.verdict,
    decision.rule,
    fieldsText(fields),
  ])
}

function print(context: Context, output: ReplayOutput): void {
  for (const warning of output.warnings) context.err(`${warning}\n`)
  if (context.output === 'json') {
    printJson(context, output)
    return
  }
  context.out(formatTable(HEADS, output.flows.flatMap(rows)))
  context.out(`${output.frames} frames, ${output.flows.length} flows\n`)
  if (output.cutAtOctet !== null) {
    context.err(
      `the capture ends within a frame at octet ${output.cutAtOctet}; that frame is left out\n`,
    )
  }
}

function captureOf(context: Context, file: string): Uint8Array {
  try {
    return unpackCapture(context.readFile(file))
  } catch (error) {
    throw new UsageError(`${file}: cannot be read: ${(error as Error).message}`)
  }
}

const asList = (value: string | boolean | undefined): string[] =>
  typeof value === 'string' ? value.split(',') : []

function podOf(value: string | boolean | undefined): { namespace: string; pod: string } {
  const [namespace, pod, rest] =
    typeof value === 'string' ? value.split('/') : ['default', 'capture']
  if (namespace && pod && rest === undefined) return { namespace, pod }
  throw new UsageError(`--pod ${String(value)}: write namespace/name`)
}

function resolversOf(value: string | boolean | undefined): string[] {
  const resolvers = asList(value)
  const wrong = resolvers.find((each) => readAddress(each) === null)
  if (wrong === undefined) return resolvers
  throw new UsageError(`--resolvers ${wrong}: write IP addresses, with commas between`)
}

function inputOf(
  capture: Uint8Array,
  loaded: LoadedTexts,
  { pod, resolvers }: CommandArguments['values'],
): ReplayInput {
  const { set, directory } = loaded
  return {
    capture,
    ...podOf(pod),
    resolvers: resolversOf(resolvers),
    set: set ?? EMPTY_POLICY_SET,
    directory: directory ?? EMPTY_DIRECTORY,
  }
}

export const replay: Command = {
  words: ['replay'],
  usage:
    'replay FILE [--policy FILE,…] [--endpoints FILE,…] [--pod NAMESPACE/NAME] [--resolvers ADDRESS,…]',
  summary: 'a capture through engine, parsers and policy; needs no dpd',
  options: {
    policy: { type: 'string' },
    endpoints: { type: 'string' },
    pod: { type: 'string' },
    resolvers: { type: 'string' },
  },
  async run(context, { positionals, values }) {
    const [file] = positionals
    if (file === undefined || positionals.length !== 1)
      throw new UsageError(`usage: dpctl ${replay.usage}`)
    const endpoints = asList(values.endpoints)
    const loaded = loadTexts(context, [...asList(values.policy), ...endpoints], endpoints)
    if (loaded.errors.length > 0) {
      throw new UsageError(loaded.errors.map(formatDocumentError).join('\n'))
    }
    const input = inputOf(captureOf(context, file), loaded, values)
    // The engine is native code: loaded only by the command that runs it.
    const { replay: run } = await import('../../dpd/replay.js')
    const output = await run(input).catch((error: unknown) => {
      throw new UsageError(`${file}: ${error instanceof Error ? error.message : String(error)}`)
    })
    print(context, output)
    const isDenied = output.flows.some(({ would }) => would === 'deny')
    return isDenied || output.cutAtOctet !== null ? EXIT_FINDING : EXIT_OK
  },
}
