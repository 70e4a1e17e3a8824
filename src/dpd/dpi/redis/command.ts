import { latin1 } from '../../../core/bytes.js'
import type { Fields } from '../../../core/inspect/contract.js'
import type { FieldsDraft } from '../../../core/inspect/fields-draft.js'
import { type CommandSpec, specOf } from './command-table.js'
import { type Arguments, none, untold } from './key-positions.js'
import { isLineEnd, NumberLine } from './number-line.js'

export const WINDOW_OCTETS = 65_536
/** What of a command is read to its last key. Above it keys are untold: a script of 64 KiB before them, say. */
export const HEAD_OCTETS = WINDOW_OCTETS - 64
/** Arguments read for the keys among them; more in one command are untold. */
export const ARGUMENTS = 1_024
/** Redis has none above 20; modules' are prefixed with theirs. */
const NAME_OCTETS = 64
const DOLLAR = 0x24
/** networking.c, processMultibulkBuffer. */
const MOST_ARGUMENTS = 0x7fffffff
const UNTOLD_KEYS: readonly string[] = ['keys']

export interface Command {
  readonly kind: 'command'
  readonly spec: CommandSpec
  readonly fields: Fields
  /** In all, the name included. */
  readonly count: number
  /** Arguments not read yet, from `end` on. */
  readonly left: number
  readonly end: number
  /** The second argument in upper case, where it was read; '' else. */
  readonly second: string
  /** The third likewise. */
  readonly third: string
}

export type CommandRead =
  | Command
  /** `*0`: a server takes it and says nothing. */
  | { readonly kind: 'empty'; readonly end: number }
  /** Octets wanted, from the command's first. */
  | { readonly kind: 'need'; readonly octets: number }
  | { readonly kind: 'malformed'; readonly clause: string }

export const malformedRead = (clause: string): CommandRead => ({ kind: 'malformed', clause })
const line = new NumberLine()

/** An array of bulk strings from `from` on, up to its last key. */
export function readCommand(input: Uint8Array, from: number): CommandRead {
  const header = line.read(input, from + 1)
  if (header === 'need') return { kind: 'need', octets: input.length - from + 1 }
  if (header === 'bad' || line.value > MOST_ARGUMENTS) {
    return malformedRead('RESP array length')
  }
  const count = line.value
  if (count <= 0) return { kind: 'empty', end: line.end }
  return new Head(input, from, count).read(line.end)
}

/** Commands come in runs of one name: its text is made once, and its hash with it. */
let recentName = ''

function nameAt(input: Uint8Array, from: number, to: number): string {
  let at = from
  if (to - from === recentName.length) {
    while (at < to && input[at] === recentName.charCodeAt(at - from)) at++
  }
  if (at < to || to - from !== recentName.length) recentName = latin1(input, from, to)
  return recentName
}

/** Reads as many arguments as tell the keys. */
class Head {
  readonly #args: string[] = []
  #spec: CommandSpec | null = null
  /** Index of the last argument wanted. */
  #last = 0
  /** More arguments would have to be read than are. */
  #isLong = false

  constructor(
    readonly input: Uint8Array,
    readonly from: number,
    readonly count: number,
  ) {}

  read(start: number): CommandRead {
    const { input, from } = this
    let at = start
    for (let index = 0; index <= this.#last; index++) {
      if (at < input.length && input[at] !== DOLLAR) return malformedRead('RESP bulk string type')
      const header = line.read(input, at + 1)
      if (header === 'need') return this.#need(input.length + 1)
      if (header === 'bad' || line.value < 0) return malformedRead('RESP bulk string length')
      const begin = line.end
      const end = begin + line.value + 2
      if (index === 0 && line.value > NAME_OCTETS) return malformedRead('RESP command name')
      if (end - from > HEAD_OCTETS) return this.#command(at, index, true)
      if (end > input.length) return this.#need(end)
      if (!isLineEnd(input, end - 2)) return malformedRead('RESP bulk string end')
      this.#args.push(index === 0 ? nameAt(input, begin, end - 2) : latin1(input, begin, end - 2))
      if (index === 0) this.#lookUp()
      at = end
    }
    return this.#command(at, this.#last + 1, this.#isLong)
  }

  #lookUp(): void {
    const spec = specOf(this.#args[0] ?? '')
    this.#spec = spec
    const wanted = Math.min(spec.positions.lastRead(this.count), this.count - 1)
    this.#isLong = wanted >= ARGUMENTS
    const least = needsSecond(spec) ? Math.min(needsSecond(spec), this.count - 1) : 0
    this.#last = Math.max(this.#isLong ? 0 : wanted, least)
  }

  /** No fewer would do: facts come at the same octet however the stream is cut. */
  #need(end: number): CommandRead {
    return { kind: 'need', octets: end - this.from }
  }

  #command(end: number, read: number, isCut: boolean): CommandRead {
    const spec = this.#spec ?? specOf('')
    const left = this.count - read
    return commandOf(spec, this.#args, { count: this.count, left, end, isCut })
  }
}

/** Arguments that say how the server will reply, or what of a container this is. */
function needsSecond(spec: CommandSpec): number {
  if (spec.name === 'CLIENT') return 2
  return spec.container ? 1 : 0
}

interface Extent {
  readonly count: number
  readonly left: number
  readonly end: number
  /** Arguments that may be keys were not read. */
  readonly isCut: boolean
}

export function commandOf(spec: CommandSpec, args: Arguments, extent: Extent): Command {
  const { count, left, end, isCut } = extent
  const second = spec.container ? (args[1] ?? '').toUpperCase() : ''
  const third = spec.name === 'CLIENT' ? (args[2] ?? '').toUpperCase() : ''
  const keys = isCut && spec.positions !== none ? untold.keys(args) : spec.positions.keys(args)
  const fields: FieldsDraft = { command: spec.name }
  if (second !== '') fields.subcommand = second
  fields.keys = keys ?? []
  if (keys === null || spec.positions.scripted === true) fields.ambiguous = UNTOLD_KEYS
  return { kind: 'command', spec, fields, count, left, end, second, third }
}
