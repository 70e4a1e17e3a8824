/** Loads `vethwall.node` on first use: who never calls the operating system never loads it. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Bpf, type Os, OsError } from './os.js'

/** Beside the bundle on a node; in the checkout three folders up from `.build/src/intercept`. */
const PLACES = ['./vethwall.node', '../../../native/build/vethwall.node']

const OS_CALLS = [
  'netnsCreate',
  'netnsBind',
  'unmount',
  'mountBpffs',
  'netlinkOpen',
  'netlinkRequest',
  'netlinkSubscribe',
  'netlinkDrain',
  'netnsReadFiles',
  'netnsReadFolders',
  'netnsWriteFiles',
  'ethtoolFeaturesOff',
  'ethtoolFeaturesOn',
  'flock',
  'renameExchange',
  'unixSend',
  'unixAnswer',
  'exit',
  'close',
] as const satisfies readonly (keyof Os)[]

const BPF_CALLS = [
  'mapCreate',
  'mapLookup',
  'mapUpdate',
  'mapDelete',
  'mapKeys',
  'progLoad',
  'pin',
  'get',
  'mapEntries',
  'objectId',
  'tcxPrograms',
  'tcxAttach',
  'tcxDetach',
] as const satisfies readonly (keyof Bpf)[]

type Call = (...args: readonly unknown[]) => unknown
export interface AddonModule extends Readonly<Record<string, unknown>> {
  readonly bpf: Readonly<Record<string, unknown>>
}

/** The error as the addon throws it. */
interface Fault extends Error {
  readonly code: string
  readonly errno: number
  readonly syscall: string
  readonly subject: string
  readonly detail: string
}

let loaded: AddonModule | null = null

/** Everything that the addon exports; `dpd/engine` gives its classes their types. */
export function addon(): AddonModule {
  loaded ??= loadFirst()
  return loaded
}

/** As `require` would, without the search that it makes first. */
function loadFirst(): AddonModule {
  const here = dirname(fileURLToPath(import.meta.url))
  const path = PLACES.map((place) => join(here, place)).find((candidate) => existsSync(candidate))
  if (path === undefined) {
    throw new Error(
      `vethwall.node is neither in ${here} nor in native/build: run \`npm run build\``,
    )
  }
  const module = { exports: {} }
  process.dlopen(module, path)
  return module.exports as AddonModule
}

/** The addon's fault as `OsError`; anything else unchanged. */
export function toOsError(error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error && 'subject' in error)) return error
  const { code, errno, syscall, subject, detail } = error as Fault
  return new OsError(code, errno, syscall, subject, detail)
}

function calls(
  names: readonly string[],
  target: () => Readonly<Record<string, unknown>>,
): Record<string, Call> {
  const call = (name: string): Call => {
    return (...args) => {
      try {
        return (target()[name] as Call)(...args)
      } catch (error) {
        throw toOsError(error)
      }
    }
  }
  return Object.fromEntries(names.map((name) => [name, call(name)]))
}

export const os = {
  ...calls(OS_CALLS, addon),
  bpf: calls(BPF_CALLS, () => addon().bpf),
} as unknown as Os
