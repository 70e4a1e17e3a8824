/** What each op code asks for. Legacy op codes are told as the commands that replaced them. */
import { Reader } from '../../../core/bytes.js'
import type { Fields } from '../../../core/inspect/contract.js'
import { cstring, type Extent } from './bson.js'
import { type CommandRead, fieldsOf, readCommandDocument } from './command.js'
import {
  CHECKSUM_PRESENT,
  HEADER_OCTETS,
  MORE_TO_COME,
  OpCode,
  REQUIRED_UNKNOWN,
  u32le,
} from './wire.js'

/** A message, and how much of it is there: `octets` from its header on. */
export interface Message {
  readonly octets: Uint8Array
  /** By its header. */
  readonly length: number
  readonly opCode: number
}

export type Answer = 'none' | 'OP_MSG' | 'OP_REPLY of a command' | 'OP_REPLY of a query'

export type RequestRead =
  | { readonly kind: 'request'; readonly fields: Fields; readonly answer: Answer }
  | { readonly kind: 'cut'; readonly fields: Fields; readonly answer: Answer }
  | { readonly kind: 'malformed'; readonly clause: string }

const malformed = (clause: string): RequestRead => ({ kind: 'malformed', clause })
const NOTHING_READ = ['command', 'collection', 'database']
const LEGACY: Readonly<Record<number, { readonly command: string; readonly answer: Answer }>> = {
  [OpCode.update]: { command: 'update', answer: 'none' },
  [OpCode.insert]: { command: 'insert', answer: 'none' },
  [OpCode.delete]: { command: 'delete', answer: 'none' },
  [OpCode.getMore]: { command: 'getMore', answer: 'OP_REPLY of a query' },
}
/** A kind-1 section's size, kinds 0 and 1 (OP_MSG, "Sections"). */
const BODY = 0
const DOCUMENT_SEQUENCE = 1
/** Sections before the body; drivers send it first. */
const SECTIONS = 16

export const isRequest = (opCode: number): boolean =>
  opCode === OpCode.msg ||
  opCode === OpCode.query ||
  opCode === OpCode.compressed ||
  opCode === OpCode.killCursors ||
  opCode === OpCode.command ||
  opCode in LEGACY

export function readRequest(message: Message): RequestRead {
  const { octets, length, opCode } = message
  const reader = new Reader(octets, HEADER_OCTETS, length)
  if (opCode === OpCode.msg) return readMsg(message, reader)
  if (opCode === OpCode.compressed) return readCompressed(message, reader)
  if (opCode === OpCode.command) return readOpCommand(message, reader)
  if (opCode === OpCode.killCursors) {
    const fields = { command: 'killCursors', ambiguous: ['collection', 'database'] }
    return { kind: 'request', fields, answer: 'none' }
  }
  return readNamespaced(message, reader)
}

/** The flags or the reserved word, then the full collection name. */
function readNamespaced(message: Message, reader: Reader): RequestRead {
  const { octets, length, opCode } = message
  u32le(reader)
  const namespace = reader.short ? null : cstring(reader, octets, Math.min(length, octets.length))
  if (namespace === null) return unread(message, 'MongoDB full collection name')
  const dot = namespace.indexOf('.')
  const database = dot < 0 ? namespace : namespace.slice(0, dot)
  const collection = dot < 0 ? '' : namespace.slice(dot + 1)
  if (opCode !== OpCode.query) {
    const { command = '', answer = 'none' } = LEGACY[opCode] ?? {}
    return { kind: 'request', fields: { command, collection, database }, answer }
  }
  if (collection !== '$cmd') {
    const fields = { command: 'find', collection, database }
    return { kind: 'request', fields, answer: 'OP_REPLY of a query' }
  }
  // numberToSkip, numberToReturn
  reader.skip(8)
  return readDocument(message, reader, 'OP_REPLY of a command', database)
}

function readMsg(message: Message, reader: Reader): RequestRead {
  const flags = u32le(reader)
  if (reader.short) return unread(message, 'OP_MSG flag bits')
  if ((flags & REQUIRED_UNKNOWN) !== 0) return malformed('OP_MSG flag bits')
  const answer: Answer = (flags & MORE_TO_COME) !== 0 ? 'none' : 'OP_MSG'
  const end = message.length - ((flags & CHECKSUM_PRESENT) !== 0 ? 4 : 0)
  for (let count = 0; count < SECTIONS; count++) {
    if (reader.at >= end) return malformed('OP_MSG without a body')
    const kind = reader.u8()
    if (reader.short) return unread(message, 'OP_MSG section', answer)
    if (kind === BODY) return readDocument(message, reader, answer, null, end)
    if (kind !== DOCUMENT_SEQUENCE) return malformed('OP_MSG section kind')
    const size = u32le(reader)
    if (reader.short) return unread(message, 'OP_MSG section', answer)
    if (size < 5 || size - 4 > end - reader.at) return malformed('OP_MSG section size')
    reader.skip(size - 4)
    if (reader.short) return unread(message, 'OP_MSG section', answer)
  }
  return malformed('OP_MSG sections before the body')
}

/** `database` = as the namespace says, where it does. */
function readDocument(
  message: Message,
  reader: Reader,
  answer: Answer,
  database: string | null,
  end = message.length,
): RequestRead {
  const { octets } = message
  const document: Extent = { octets, at: reader.at, end: Math.min(end, octets.length) }
  const length = u32le(new Reader(octets, reader.at, document.end))
  if (reader.short || octets.length < reader.at + 4) return unread(message, 'BSON document', answer)
  if (length > end - reader.at) return malformed('BSON document length')
  const read = readCommandDocument(document)
  if ('clause' in read) return malformed(read.clause)
  return told(read, answer, database)
}

function told(
  read: Exclude<CommandRead, { clause: string }>,
  answer: Answer,
  database: string | null,
): RequestRead {
  const kind = 'cut' in read ? 'cut' : 'request'
  const document = 'cut' in read ? read.cut : read
  if (database === null) return { kind, fields: fieldsOf(document), answer }
  const ambiguous = document.ambiguous.filter((field) => field !== 'database')
  return { kind, fields: fieldsOf({ ...document, database, ambiguous }), answer }
}

/** What the compressor hides; the handshake's `compression` names it, and who allows none there reads all. */
function readCompressed(message: Message, reader: Reader): RequestRead {
  const original = u32le(reader)
  if (reader.short) return unread(message, 'OP_COMPRESSED originalOpcode')
  if (original === OpCode.compressed) return malformed('OP_COMPRESSED in itself')
  const fields = { command: 'COMPRESSED', ambiguous: NOTHING_READ }
  return { kind: 'request', fields, answer: 'OP_MSG' }
}

/** Between servers up to 4.0: database and command stand before the documents. */
function readOpCommand(message: Message, reader: Reader): RequestRead {
  const { octets } = message
  const end = Math.min(message.length, octets.length)
  const database = cstring(reader, octets, end)
  const command = database === null ? null : cstring(reader, octets, end)
  if (database === null || command === null) return unread(message, 'OP_COMMAND names')
  const fields = { command, database, ambiguous: ['collection'] }
  return { kind: 'request', fields, answer: 'none' }
}

/** Something is missing: by the window, or for good. */
function unread({ octets, length }: Message, clause: string, answer: Answer = 'none'): RequestRead {
  if (octets.length >= length) return malformed(clause)
  return { kind: 'cut', fields: { command: '', ambiguous: NOTHING_READ }, answer }
}
