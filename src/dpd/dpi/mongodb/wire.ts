/** The MongoDB wire protocol's message header and op codes. Everything is little-endian. */
import type { Reader } from '../../../core/bytes.js'

export const HEADER_OCTETS = 16
/** maxMessageSizeBytes of every server. */
export const MESSAGE_OCTETS = 48_000_000

export const OpCode = {
  reply: 1,
  update: 2001,
  insert: 2002,
  query: 2004,
  getMore: 2005,
  delete: 2006,
  killCursors: 2007,
  command: 2010,
  commandReply: 2011,
  compressed: 2012,
  msg: 2013,
} as const

export const CHECKSUM_PRESENT = 1
export const MORE_TO_COME = 2
export const EXHAUST_ALLOWED = 0x1_0000
/** Of bits 0 to 15 a receiver must know each (OP_MSG, "Flag Bits"). */
export const REQUIRED_UNKNOWN = 0xfffc

export interface Header {
  /** The whole message, header included. */
  readonly octets: number
  readonly requestId: number
  readonly responseTo: number
  readonly opCode: number
}

export function readHeader(reader: Reader): Header {
  return {
    octets: u32le(reader),
    requestId: u32le(reader),
    responseTo: u32le(reader),
    opCode: u32le(reader),
  }
}

export function u32le(reader: Reader): number {
  const a = reader.u8()
  const b = reader.u8()
  const c = reader.u8()
  return a + b * 0x100 + c * 0x1_0000 + reader.u8() * 0x100_0000
}

/** Two's complement. */
export const i32le = (reader: Reader): number => u32le(reader) | 0
