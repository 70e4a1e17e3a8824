/** memcached's binary protocol (protocol-binary): a header of 24 octets, extras, key, value. */
import { latin1, Reader } from '../../../core/bytes.js'
import type { At, Fact, Fields, Next, Step } from '../../../core/inspect/contract.js'
import type { Transactions } from './transactions.js'

export const MAGIC_REQUEST = 0x80
export const MAGIC_RESPONSE = 0x81
export const BINARY_HEADER_OCTETS = 24
/** item_size_max can be 1 GiB. */
const BODY_OCTETS = 0x4010_0000
/** KEY_MAX_LENGTH */
const KEY_OCTETS = 250
const STAT = 0x10
const KEY_NOT_FOUND = 1

/** By opcode; an empty place is none. The quiet ones have the names of the others, as rules ask for these. */
const COMMANDS =
  `get set add replace delete incr decr quit flush_all get noop version get get append prepend stats
  set add replace delete incr decr quit flush_all append prepend verbosity touch gat gat - sasl_list_mechs sasl_auth
  sasl_step gat gat`.split(/\s+/)
/** Sets .. PrependQ, GetQ, GetKQ, GATQ and GATKQ. */
const QUIET = new Set([0x09, 0x0d, 0x1e, 0x24, ...Array.from({ length: 10 }, (_, i) => 0x11 + i)])
const QUIT = new Set([0x07, 0x17])
const STATUSES: Readonly<Record<number, string>> = {
  ...{ 0: '', 1: 'NOT_FOUND', 2: 'EXISTS', 3: 'TOO_LARGE', 4: 'INVALID', 5: 'NOT_STORED' },
  ...{ 6: 'NON_NUMERIC', 8: 'AUTH_ERROR', 32: 'AUTH_ERROR', 33: 'AUTH_CONTINUE' },
  ...{ 129: 'UNKNOWN_COMMAND', 130: 'OUT_OF_MEMORY' },
}
/** What a client asks to learn is no error. */
const OUTCOMES = new Set([0, KEY_NOT_FOUND, 2, 5, 33])

export interface BinaryHeader {
  readonly magic: number
  readonly opcode: number
  readonly keyOctets: number
  readonly extrasOctets: number
  readonly status: number
  readonly bodyOctets: number
  readonly opaque: number
}

export function readBinaryHeader(octets: Uint8Array): BinaryHeader | null {
  const reader = new Reader(octets)
  const magic = reader.u8()
  const opcode = reader.u8()
  const keyOctets = reader.u16be()
  const extrasOctets = reader.u8()
  reader.skip(1)
  const status = reader.u16be()
  const bodyOctets = reader.u32be()
  const opaque = reader.u32be()
  reader.skip(8)
  return reader.short
    ? null
    : { magic, opcode, keyOctets, extrasOctets, status, bodyOctets, opaque }
}

export function isSound({ keyOctets, extrasOctets, bodyOctets }: BinaryHeader): boolean {
  return (
    keyOctets <= KEY_OCTETS && keyOctets + extrasOctets <= bodyOctets && bodyOctets <= BODY_OCTETS
  )
}

export const isCommand = (opcode: number): boolean => (COMMANDS[opcode] ?? '-') !== '-'

interface Parts {
  readonly extras: number
  readonly hasKey: boolean
  readonly hasValue: boolean
}

const parts = (commands: string, extras: number, hasKey: boolean, hasValue: boolean) =>
  commands.split(' ').map((command) => [command, { extras, hasKey, hasValue }] as const)
const PARTS: ReadonlyMap<string, Parts> = new Map([
  ...parts('get delete', 0, true, false),
  ...parts('set add replace', 8, true, true),
  ...parts('append prepend sasl_auth sasl_step', 0, true, true),
  ...parts('incr decr', 20, true, false),
  ...parts('touch gat', 4, true, false),
  ...parts('quit noop version sasl_list_mechs stats flush_all verbosity', 0, false, false),
])

/** An opcode without an entry; servers lack verbosity too. Of these they pass extras and key twice. */
const NO_PARTS: Parts = { extras: 0, hasKey: false, hasValue: true }
const partsOf = (opcode: number): Parts => PARTS.get(COMMANDS[opcode] ?? '') ?? NO_PARTS

/** Whether a request has the extras and the key of its opcode; else the server closes. */
export function isTaken({ opcode, keyOctets, extrasOctets }: BinaryHeader): boolean {
  const command = COMMANDS[opcode]
  if (command === 'verbosity') return true
  if (command === 'stats') return extrasOctets === 0
  if (command === 'flush_all') return keyOctets === 0 && [0, 4].includes(extrasOctets)
  const { extras, hasKey } = partsOf(opcode)
  return extrasOctets === extras && keyOctets > 0 === hasKey
}

/** A value where none is due would be the next request. */
function isWhole({ opcode, keyOctets, extrasOctets, bodyOctets }: BinaryHeader): boolean {
  if (COMMANDS[opcode] === 'verbosity') return bodyOctets === 0
  return partsOf(opcode).hasValue || bodyOctets === keyOctets + extrasOctets
}

const need = (octets: number): Step => ({ take: 0, facts: [], next: { kind: 'need', octets } })
const malformed = (what: string): Step => ({
  take: 0,
  facts: [],
  next: { kind: 'malformed', clause: `memcached protocol-binary ${what}` },
})

export function readBinaryCommand(transactions: Transactions, input: Uint8Array, at: At): Step {
  const header = readBinaryHeader(input)
  if (header === null) return need(BINARY_HEADER_OCTETS)
  if (header.magic !== MAGIC_REQUEST) return malformed('magic')
  if (!(isSound(header) && isTaken(header) && isWhole(header))) return malformed('lengths')
  const { opcode, opaque, extrasOctets, keyOctets } = header
  const key = BINARY_HEADER_OCTETS + extrasOctets
  if (input.length < key + keyOctets) return need(key + keyOctets)
  const facts: Fact[] = []
  const isSilent = QUIET.has(opcode) || QUIT.has(opcode)
  const fields = commandFields(opcode, latin1(input, key, key + keyOctets))
  transactions.request(facts, at, fields, isSilent ? 'none' : 'line', opcode, opaque)
  return pass(input, header, facts)
}

/** A range or a vendor's command has no entry: what it touches can't be told. */
export function commandFields(opcode: number, key: string): Fields {
  if (!isCommand(opcode)) {
    return { command: `0x${opcode.toString(16).padStart(2, '0')}`, keys: [], ambiguous: ['keys'] }
  }
  const command = COMMANDS[opcode] ?? ''
  // The key of stats names a group, that of sasl a mechanism.
  const hasKey = key !== '' && command !== 'stats' && !command.startsWith('sasl')
  return { command, keys: hasKey ? [key] : [] }
}

export function readBinaryReply(transactions: Transactions, input: Uint8Array, at: At): Step {
  const header = readBinaryHeader(input)
  if (header === null) return need(BINARY_HEADER_OCTETS)
  if (header.magic !== MAGIC_RESPONSE) return malformed('magic')
  if (!isSound(header)) return malformed('lengths')
  const facts: Fact[] = []
  const { opcode, opaque, status, keyOctets, bodyOctets } = header
  transactions.replyAt = at + BINARY_HEADER_OCTETS + bodyOctets
  const { oldest } = transactions
  // Hits and errors of quiet commands come between.
  if (oldest?.opcode === opcode && oldest.opaque === opaque) {
    const isLast = opcode !== STAT || keyOctets === 0 || status !== 0
    if (isLast) {
      transactions.reply(facts, at, outcomeOf(status))
      transactions.end(facts)
    }
  }
  return pass(input, header, facts)
}

export const outcomeOf = (status: number): Fields => ({
  status: OUTCOMES.has(status) ? 'ok' : 'error',
  code: STATUSES[status] ?? String(status),
})

/** The value is nobody's concern. */
function pass(input: Uint8Array, { bodyOctets }: BinaryHeader, facts: readonly Fact[]): Step {
  const octets = BINARY_HEADER_OCTETS + bodyOctets
  const take = Math.min(input.length, octets)
  const next: Next =
    take < octets
      ? { kind: 'skip', octets: octets - take }
      : { kind: 'need', octets: BINARY_HEADER_OCTETS }
  return { take, facts, next }
}
