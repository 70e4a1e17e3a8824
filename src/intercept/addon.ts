/** Loads `vethwall.node` on first use: who never calls the operating system never loads it. */
import { createRequire } from 'node:module'
import { type Bpf, type Os, OsError } from './os.js'

const load = createRequire(import.meta.url)
/** Beside the bundle on a node; in the checkout three folders up from `.build/src/intercept`. */
const PLACES = ['./vethwall.node', '../../../native/build/vethwall.node']

interface OsFault extends Error {
  readonly code: string
  readonly errno: number
  readonly syscall: string
  readonly subject: string
  readonly detail: string
}

type AddonModule = Readonly<Record<string, unknown>>
type Call = (...args: readonly unknown[]) => unknown

let loaded: AddonModule | null = null

/** Everything that the addon exports; what is not `Os` is cast where it is used, `dpd/engine`. */
export function addon(): AddonModule {
  loaded ??= loadFirst()
  return loaded
}

function loadFirst(): AddonModule {
  for (const place of PLACES) {
    try {
      return load(place) as AddonModule
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  throw new Error(
    `vethwall.node is neither beside ${import.meta.url} nor in native/build: run \`npm run build\``,
  )
}

/** The addon's plain error as `OsError`; anything else unchanged. */
export function toOsError(error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error && 'subject' in error)) return error
  const { code, errno, syscall, subject, detail } = error as OsFault
  return new OsError(code, errno, syscall, subject, detail)
}

/** Each property of `target` is the addon's function of that name, its errors made `OsError`. */
function bound(target: () => AddonModule, own: AddonModule): AddonModule {
  const calls = new Map<PropertyKey, Call>()
  return new Proxy(own, {
    get(known, name) {
      if (name in known) return Reflect.get(known, name)
      const ready = calls.get(name)
      if (ready !== undefined) return ready
      const native = target()[String(name)]
      if (typeof native !== 'function') return undefined
      const call: Call = (...args) => {
        try {
          return native(...args)
        } catch (error) {
          throw toOsError(error)
        }
      }
      calls.set(name, call)
      return call
    },
  })
}

const bpf = bound(() => addon().bpf as AddonModule, {})
export const os = bound(addon, { bpf: bpf as unknown as Bpf }) as unknown as Os
