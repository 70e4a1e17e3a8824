import { Reader } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'
import { cstring } from './bson.js'
import {
  CHECKSUM_PRESENT,
  EXHAUST_ALLOWED,
  HEADER_OCTETS,
  MORE_TO_COME,
  OpCode,
  readHeader,
  u32le,
} from './wire.js'

type Answer = 'yes' | 'no' | 'more'

/** Header, flags and a namespace, or the first element of a command. */
export const PROBE_OCTETS = 384
const FIRST_OPS: ReadonlySet<number> = new Set([
  ...[OpCode.msg, OpCode.query, OpCode.compressed, OpCode.command],
  ...[OpCode.update, OpCode.insert, OpCode.getMore, OpCode.delete],
])
const LEAST_OCTETS = 26
/** Drivers greet first, in some hundred octets. Bigger lengths are other protocols' octets. */
const MOST_OCTETS = 65_536
const NAME = /^[$A-Za-z_][A-Za-z0-9_$]*$/
const NAMESPACE = /^[^\0-\x20/\\"$*<>:|?.]{1,63}\.[^\0]+$/
const MSG_FLAGS = CHECKSUM_PRESENT | MORE_TO_COME | EXHAUST_ALLOWED
/** snappy, zlib, zstd and none. */
const COMPRESSORS = 4
/** Header, flags and the kind of a section. */
const BODY_OFFSET = 21

/** MongoDB is client-first, and the first message is a request: it responds to none. */
export function probeMongo({ orig, reply }: Readonly<Record<Dir, Uint8Array>>): Answer {
  if (orig.length === 0) return reply.length > 0 ? 'no' : 'more'
  // Octets that are not there yet count as zeros but for what they decide.
  if ((orig[2] ?? 0) > MOST_OCTETS >> 16 || (orig[3] ?? 0) > 0) return 'no'
  const header = readHeader(new Reader(orig))
  if (orig.length >= 4 && (header.octets < LEAST_OCTETS || header.octets > MOST_OCTETS)) return 'no'
  if (orig.length >= 12 && header.responseTo !== 0) return 'no'
  if (orig.length < HEADER_OCTETS) return 'more'
  if (!FIRST_OPS.has(header.opCode)) return 'no'
  const end = Math.min(header.octets, orig.length)
  const reader = new Reader(orig, HEADER_OCTETS, end)
  const answer = probeBody(header.opCode, reader, orig, end)
  return answer === 'more' && orig.length >= header.octets ? 'no' : answer
}

function probeBody(opCode: number, reader: Reader, orig: Uint8Array, end: number): Answer {
  if (opCode === OpCode.msg) return probeMsg(reader, orig, end)
  if (opCode === OpCode.compressed) return probeCompressed(reader)
  if (opCode === OpCode.command) return probeCommand(reader, orig, end)
  const word = u32le(reader)
  if (reader.short) return 'more'
  if (word > 0xff) return 'no'
  const namespace = cstring(reader, orig, end)
  if (namespace === null) return end < PROBE_OCTETS ? 'more' : 'no'
  return NAMESPACE.test(namespace) ? 'yes' : 'no'
}

function probeMsg(reader: Reader, orig: Uint8Array, end: number): Answer {
  const flags = u32le(reader)
  if (reader.short) return 'more'
  if ((flags & ~MSG_FLAGS) !== 0) return 'no'
  const kind = reader.u8()
  const octets = u32le(reader)
  if (reader.short) return 'more'
  if (kind > 1 || octets < 5) return 'no'
  const length = u32le(new Reader(orig))
  if (octets > length - BODY_OFFSET) return 'no'
  if (kind === 0) reader.skip(1)
  const name = cstring(reader, orig, end)
  if (name === null) return end < PROBE_OCTETS ? 'more' : 'no'
  return NAME.test(name) ? 'yes' : 'no'
}

function probeCompressed(reader: Reader): Answer {
  const original = u32le(reader)
  u32le(reader)
  const compressor = reader.u8()
  if (reader.short) return 'more'
  const known = original === OpCode.msg || original === OpCode.query
  return known && compressor < COMPRESSORS ? 'yes' : 'no'
}

function probeCommand(reader: Reader, orig: Uint8Array, end: number): Answer {
  const database = cstring(reader, orig, end)
  const command = database === null ? null : cstring(reader, orig, end)
  if (command === null) return end < PROBE_OCTETS ? 'more' : 'no'
  return NAME.test(database ?? '') && NAME.test(command) ? 'yes' : 'no'
}
