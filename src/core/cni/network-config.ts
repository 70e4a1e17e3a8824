/**
 * The configuration on the plugin's stdin: what every plugin gets (CNI SPEC 1.1.0, §1) and our own
 * keys. Unknown keys are ignored; a bad value of one of ours is code 7.
 */
import * as z from 'zod/mini'
import type { AttachmentKey, DriverName, Failure } from '../endpoint.js'
import { DEFAULT_INSTANCE, isInstanceName } from '../instance.js'
import { ID } from './environment.js'
import { CNI_DECODING_FAILURE, CNI_INVALID_NETWORK_CONFIG, CniError } from './error.js'
import { memberSpan, withMember } from './json-text.js'
import { requireVersion, type Verb } from './version.js'

export interface NetworkConfig {
  readonly cniVersion: string
  /** The network's name. */
  readonly name: string
  readonly instance: string
  /** For an ADD without dpd that no rule of attach.json covers. */
  readonly failure: Failure
  readonly driver: DriverName | 'auto'
  readonly prevResult: PrevResult | null
  /** GC: what the runtime still has; null = it did not say, which is not the same as none. */
  readonly validAttachments: readonly AttachmentKey[] | null
}

/** Only what is read here is checked; everything else passes through untouched. */
export type PrevResult = Readonly<Record<string, unknown>>

const ownKeys = z.object({
  instance: z._default(
    z.string().check(z.refine(isInstanceName, 'use 1 to 32 of A-Z a-z 0-9 _ . -')),
    DEFAULT_INSTANCE,
  ),
  failure: z._default(z.enum(['open', 'closed']), 'open'),
  driver: z._default(z.enum(['auto', 'bpf', 'tc', 'nfqueue']), 'auto'),
})

const prevResultShape = z.looseObject({
  cniVersion: z.optional(z.string()),
  interfaces: z.nullish(
    z.array(z.looseObject({ name: z.string(), sandbox: z.optional(z.string()) })),
  ),
  ips: z.nullish(z.array(z.looseObject({ address: z.string() }))),
})

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Every JSON.parse message of V8 names the position; the operator also needs to know of what. */
export function decodeStdin(stdin: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(stdin)
  } catch (error) {
    const reason = stdin.trim() === '' ? 'it is empty' : String(error)
    throw new CniError(
      CNI_DECODING_FAILURE,
      'the network configuration on stdin is not JSON',
      reason,
    )
  }
  if (!isObject(value)) {
    throw new CniError(CNI_DECODING_FAILURE, 'the network configuration on stdin is not an object')
  }
  return value
}

function firstIssue(error: z.core.$ZodError): string {
  const issue = error.issues[0]
  return issue === undefined ? 'invalid' : `${issue.path.join('.')}: ${issue.message}`
}

function readPrevResult(conf: Readonly<Record<string, unknown>>): PrevResult | null {
  const { prevResult } = conf
  if (prevResult === undefined || prevResult === null) return null
  const shape = prevResultShape.safeParse(prevResult)
  if (!shape.success || !isObject(prevResult)) {
    throw new CniError(
      CNI_INVALID_NETWORK_CONFIG,
      'prevResult is not a CNI result',
      shape.success ? 'not an object' : firstIssue(shape.error),
    )
  }
  return prevResult
}

const attachmentsShape = z.lazy(() =>
  z.array(z.object({ containerID: z.string(), ifname: z.string() })),
)

/** libcni also sends the list under the key of its first draft: either counts, the specified one first. */
function readValidAttachments(conf: Readonly<Record<string, unknown>>): AttachmentKey[] | null {
  const list = conf['cni.dev/valid-attachments'] ?? conf['cni.dev/attachments']
  if (list === undefined || list === null) return null
  const shape = attachmentsShape.safeParse(list)
  if (!shape.success) {
    throw new CniError(
      CNI_INVALID_NETWORK_CONFIG,
      'cni.dev/valid-attachments is not a list of {containerID, ifname}',
      firstIssue(shape.error),
    )
  }
  return shape.data.map(({ containerID, ifname }) => ({ containerID, ifName: ifname }))
}

/** In the order of design §6: version (1) before our own keys and prevResult (7). */
export function parseNetworkConfig(
  verb: Verb,
  conf: Readonly<Record<string, unknown>>,
): NetworkConfig {
  const cniVersion = typeof conf.cniVersion === 'string' ? conf.cniVersion : '0.1.0'
  requireVersion(verb, cniVersion)
  const { name } = conf
  if (typeof name !== 'string' || !ID.test(name)) {
    throw new CniError(
      CNI_INVALID_NETWORK_CONFIG,
      `network name ${JSON.stringify(name ?? null)}: use A-Z a-z 0-9 _ . -, alphanumeric first`,
    )
  }
  const own = ownKeys.safeParse(conf)
  if (!own.success) {
    throw new CniError(
      CNI_INVALID_NETWORK_CONFIG,
      `conflist entry "vethwall" of network ${name}: ${firstIssue(own.error)}`,
    )
  }
  // DEL goes by its key alone, and must work with whatever a crashed runtime has cached.
  const readsPrevResult = verb === 'ADD' || verb === 'CHECK'
  const prevResult = readsPrevResult ? readPrevResult(conf) : null
  if (prevResult === null && readsPrevResult) {
    throw new CniError(
      CNI_INVALID_NETWORK_CONFIG,
      `${verb} needs prevResult: vethwall must be chained after a primary plugin`,
      `put {"type": "vethwall"} last in the "plugins" list of network ${name}`,
    )
  }
  const validAttachments = verb === 'GC' ? readValidAttachments(conf) : null
  return { cniVersion, name, ...own.data, prevResult, validAttachments }
}

/** The result of ADD: prevResult octet for octet as it came on stdin, under the configuration's version. */
export function resultText(stdin: string, { prevResult, cniVersion }: NetworkConfig): string {
  const span = memberSpan(stdin, 'prevResult')
  if (span === null || prevResult === null) throw new Error('no prevResult on stdin')
  const text = stdin.slice(span.start, span.end)
  if (prevResult.cniVersion === cniVersion) return text
  return withMember(text, 'cniVersion', JSON.stringify(cniVersion))
}
