/** Where the keys of a command stand among its arguments: `COMMAND DOCS` and key specifications of Redis 7. */

/** Arguments as text, the command's name first, and how many there are in all. */
export type Arguments = readonly string[]

export interface KeyPositions {
  /** The last argument that must be read before the keys are known, of `count`. */
  readonly lastRead: (count: number) => number
  /** The arguments hold code, which may touch others. */
  readonly scripted?: boolean
  /** null = what the arguments touch can't be told. */
  readonly keys: (args: Arguments) => readonly string[] | null
}

const NO_KEYS: readonly string[] = []
const all = (count: number): number => count - 1

export const none: KeyPositions = { lastRead: () => 0, keys: () => NO_KEYS }
/** The keys can't be told from the arguments. */
export const untold: KeyPositions = { lastRead: () => 0, keys: () => null }

/** Negative: counted from the end, as in the first-last-step triples of COMMAND INFO. */
export function range(first: number, last: number, step = 1): KeyPositions {
  const lastOf = (count: number) => (last < 0 ? count + last : last)
  if (first === 1 && last === 1) return one
  return {
    // Counted from the end, the keys are known when all are there.
    lastRead: last < 0 ? all : lastOf,
    keys: (args) => {
      const keys: string[] = []
      // Where the count is short the server refuses, and what is there was meant.
      const end = Math.min(lastOf(args.length), args.length - 1)
      for (let at = first; at <= end; at += step) keys.push(args[at] ?? '')
      return keys
    },
  }
}

const one: KeyPositions = {
  lastRead: () => 1,
  keys: (args) => (args[1] === undefined ? NO_KEYS : [args[1]]),
}

/** The number of keys stands at `at`, the keys after it; `also` are keys before. */
export const counted = (at: number, ...also: readonly number[]): KeyPositions => ({
  lastRead: all,
  keys: (args) => {
    const text = args[at] ?? ''
    const count = Number(text)
    if (!/^\d{1,9}$/.test(text) || at + count >= args.length) return null
    return [...also.map((index) => args[index] ?? ''), ...args.slice(at + 1, at + 1 + count)]
  },
})

/** A script that the client itself sends, and the keys that it says the script is for. */
export const script: KeyPositions = { ...counted(2), scripted: true }

/** XREAD, XREADGROUP: after STREAMS as many keys as ids. Options before it take values that can be any word. */
export const streams: KeyPositions = {
  lastRead: all,
  keys: (args) => {
    let at = 1
    while (at < args.length && upper(args[at]) !== 'STREAMS') at += optionWidth(upper(args[at]))
    const rest = args.slice(at + 1)
    return rest.length === 0 || rest.length % 2 > 0 ? null : rest.slice(0, rest.length / 2)
  },
}

function optionWidth(option: string): number {
  if (option === 'COUNT' || option === 'BLOCK') return 2
  return option === 'GROUP' ? 3 : 1
}

/** Source and, after STORE, destination. A pattern of BY or GET touches keys that nobody names. */
export const sort: KeyPositions = {
  lastRead: all,
  keys: (args) => {
    const keys = args.slice(1, 2)
    let destination: string | undefined
    for (let at = 2; at < args.length; at++) {
      const option = upper(args[at])
      if (option === 'LIMIT') at += 2
      else if (option === 'STORE') destination = args[++at]
      else if (option === 'BY' || option === 'GET') {
        if ((args[++at] ?? '').includes('*')) return null
      }
    }
    return destination === undefined ? keys : [...keys, destination]
  },
}

/** The sorted set and each destination after STORE or STOREDIST, though the server writes to the last alone. */
export const geoRadius: KeyPositions = {
  lastRead: all,
  keys: (args) => {
    const keys = args.slice(1, 2)
    for (let at = 2; at < args.length - 1; at++) {
      const option = upper(args[at])
      if (option === 'STORE' || option === 'STOREDIST') keys.push(args[++at] ?? '')
    }
    return keys
  },
}

/** host port key|"" database timeout …, with KEYS for several; a password may read KEYS too. */
export const migrate: KeyPositions = {
  lastRead: all,
  keys: (args) => {
    let at = 6
    while (at < args.length && upper(args[at]) !== 'KEYS') {
      const option = upper(args[at])
      at += option === 'AUTH' ? 2 : option === 'AUTH2' ? 3 : 1
    }
    return at < args.length ? args.slice(at + 1) : args.slice(3, 4)
  },
}

/** A container's subcommands that have keys; the others have none. */
export const bySubcommand = (keyed: Readonly<Record<string, KeyPositions>>): KeyPositions => ({
  lastRead: () => 2,
  keys: (args) => {
    const subcommand = upper(args[1])
    return Object.hasOwn(keyed, subcommand) ? (keyed[subcommand]?.keys(args) ?? null) : NO_KEYS
  },
})

const upper = (text: string | undefined): string => (text ?? '').toUpperCase()
