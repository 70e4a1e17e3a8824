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

/** By hand, as is what a result looks like: loading zod would take an ADD longer than anything that it checks. */
const FAILURES = ['open', 'closed'] as const
const DRIVERS = ['auto', 'bpf', 'tc', 'nfqueue'] as const

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

/** One of ours: absent is the first of `choices`. */
function choice<T extends string>(
  conf: Readonly<Record<string, unknown>>,
  key: string,
  choices: readonly [T, ...T[]],
): T {
  const value = conf[key] ?? choices[0]
  const chosen = conf[key] === null ? undefined : choices.find((known) => known === value)
  if (chosen === undefined) throw badKey(conf, key, `use ${choices.join(', ')}`)
  return chosen
}

function readInstance(conf: Readonly<Record<string, unknown>>): string {
  const { instance = DEFAULT_INSTANCE } = conf
  if (typeof instance === 'string' && isInstanceName(instance)) return instance
  throw badKey(conf, 'instance', 'use 1 to 32 of A-Z a-z 0-9 _ . -')
}

function badKey({ name }: Readonly<Record<string, unknown>>, key: string, what: string): CniError {
  const entry = `conflist entry "vethwall" of network ${name}`
  return new CniError(CNI_INVALID_NETWORK_CONFIG, `${entry}: ${key}: ${what}`)
}

/** Absent, null, or a list in which each has the string `key`. */
function isListWith(
  list: unknown,
  key: string,
): list is readonly Readonly<Record<string, unknown>>[] {
  if (list === undefined || list === null) return true
  return (
    Array.isArray(list) && list.every((item) => isObject(item) && typeof item[key] === 'string')
  )
}

const isTextOrAbsent = (value: unknown): boolean => value === undefined || typeof value === 'string'

/** What is no CNI result in it; null = it is one. */
function faultOfResult({ cniVersion, interfaces, ips }: PrevResult): string | null {
  if (!isTextOrAbsent(cniVersion)) return 'cniVersion: must be text'
  if (!isListWith(interfaces, 'name')) return 'interfaces: must be a list of {name}'
  if (!(interfaces ?? []).every(({ sandbox }) => isTextOrAbsent(sandbox))) {
    return 'interfaces: sandbox must be text'
  }
  return isListWith(ips, 'address') ? null : 'ips: must be a list of {address}'
}

function readPrevResult(conf: Readonly<Record<string, unknown>>): PrevResult | null {
  const { prevResult } = conf
  if (prevResult === undefined || prevResult === null) return null
  const fault = isObject(prevResult) ? faultOfResult(prevResult) : 'not an object'
  if (fault !== null) {
    throw new CniError(CNI_INVALID_NETWORK_CONFIG, 'prevResult is not a CNI result', fault)
  }
  return prevResult as PrevResult
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
      `${shape.error.issues[0]?.path.join('.')}: ${shape.error.issues[0]?.message}`,
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
  const instance = readInstance(conf)
  const failure = choice(conf, 'failure', FAILURES)
  const driver = choice(conf, 'driver', DRIVERS)
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
  return { cniVersion, name, instance, failure, driver, prevResult, validAttachments }
}

/** The result of ADD: prevResult octet for octet as it came on stdin, under the configuration's version. */
export function resultText(stdin: string, { prevResult, cniVersion }: NetworkConfig): string {
  const span = memberSpan(stdin, 'prevResult')
  if (span === null || prevResult === null) throw new Error('no prevResult on stdin')
  const text = stdin.slice(span.start, span.end)
  if (prevResult.cniVersion === cniVersion) return text
  return withMember(text, 'cniVersion', JSON.stringify(cniVersion))
}
