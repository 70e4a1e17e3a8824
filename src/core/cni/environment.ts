/**
 * The environment of a plugin call (CNI SPEC 1.1.0, §2 "Parameters") as one table: name, verbs that
 * require it, and what a value must look like.
 */
import { CNI_INVALID_ENVIRONMENT, CniError } from './error.js'
import type { Verb } from './version.js'

export interface CniEnvironment {
  readonly verb: Verb
  readonly containerID: string
  /** '' where the runtime gave none (DEL). */
  readonly netns: string
  /** CNI_NETNS_OVERRIDE, as the specification's Go library has it: netns may be the plugin's own. */
  readonly netnsMayBeOwn: boolean
  readonly ifName: string
  readonly args: ReadonlyMap<string, string>
}

interface Variable {
  readonly name: string
  readonly requiredBy: readonly Verb[]
  readonly problem: (value: string, verb: Verb) => string | null
}

/** libcni's alphabet of container ids and network names. */
export const ID = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/
/**
 * A link's alias holds 255 octets (linux/if.h, IFALIASZ less its NUL), and ours there is `vethwall vin ID
 * IFNAME`. Without an ADD there is nothing to name, so that DEL takes any.
 */
const CONTAINER_ID_MAX_OCTETS = 255 - 'vethwall vin  '.length - 15
/** IFNAMSIZ (linux/if.h) less the final NUL. */
const IFNAME_MAX_OCTETS = 15

const VERBS: readonly Verb[] = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION']

function ifNameProblem(value: string): string | null {
  if (new TextEncoder().encode(value).length > IFNAME_MAX_OCTETS)
    return `longer than ${IFNAME_MAX_OCTETS} octets`
  if (value === '.' || value === '..') return 'not an interface name'
  return /[/:\s\0]/.test(value) ? 'holds /, : or white space' : null
}

function containerIdProblem(value: string, verb: Verb): string | null {
  if (!ID.test(value)) return 'use A-Z a-z 0-9 _ . -, alphanumeric first'
  const isTooLong = verb === 'ADD' && value.length > CONTAINER_ID_MAX_OCTETS
  return isTooLong ? `longer than ${CONTAINER_ID_MAX_OCTETS} octets` : null
}

const VARIABLES: readonly Variable[] = [
  {
    name: 'CNI_CONTAINERID',
    requiredBy: ['ADD', 'DEL', 'CHECK'],
    problem: containerIdProblem,
  },
  {
    name: 'CNI_NETNS',
    requiredBy: ['ADD', 'CHECK'],
    problem: (value) =>
      value.startsWith('/') && !value.includes('\0') ? null : 'not an absolute path',
  },
  { name: 'CNI_IFNAME', requiredBy: ['ADD', 'DEL', 'CHECK'], problem: ifNameProblem },
  { name: 'CNI_PATH', requiredBy: ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS'], problem: () => null },
]

/** `K=V;K=V`; values may hold `=`, unknown keys are kept for whoever knows them. */
export function parseArgs(text: string): ReadonlyMap<string, string> {
  const args = new Map<string, string>()
  for (const pair of text.split(';')) {
    const at = pair.indexOf('=')
    if (at > 0) args.set(pair.slice(0, at), pair.slice(at + 1))
  }
  return args
}

function isVerb(text: string): text is Verb {
  return (VERBS as readonly string[]).includes(text)
}

export function parseEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): CniEnvironment {
  const verb = env.CNI_COMMAND ?? ''
  if (!isVerb(verb)) {
    throw new CniError(
      CNI_INVALID_ENVIRONMENT,
      `CNI_COMMAND ${JSON.stringify(verb)} is unknown: use one of ${VERBS.join(', ')}`,
    )
  }
  const missing = VARIABLES.filter((v) => v.requiredBy.includes(verb) && (env[v.name] ?? '') === '')
  if (missing.length > 0) {
    const names = missing.map((variable) => variable.name).join(', ')
    throw new CniError(CNI_INVALID_ENVIRONMENT, `${verb} needs ${names} in the environment`)
  }
  for (const variable of verb === 'VERSION' ? [] : VARIABLES) {
    const value = env[variable.name] ?? ''
    const problem = value === '' ? null : variable.problem(value, verb)
    if (problem !== null) {
      const message = `${variable.name} ${JSON.stringify(value)}: ${problem}`
      throw new CniError(CNI_INVALID_ENVIRONMENT, message)
    }
  }
  return {
    verb,
    containerID: env.CNI_CONTAINERID ?? '',
    netns: env.CNI_NETNS ?? '',
    netnsMayBeOwn: /^(1|true)$/i.test(env.CNI_NETNS_OVERRIDE ?? ''),
    ifName: env.CNI_IFNAME ?? '',
    args: parseArgs(env.CNI_ARGS ?? ''),
  }
}
