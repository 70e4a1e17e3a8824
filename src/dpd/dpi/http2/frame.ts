/** Frames (RFC 9113 §4.1, §6). */
import type { Reader } from '../../../core/bytes.js'

export const DATA = 0
export const HEADERS = 1
export const PRIORITY = 2
export const RST_STREAM = 3
export const SETTINGS = 4
export const PUSH_PROMISE = 5
export const PING = 6
export const GOAWAY = 7
export const WINDOW_UPDATE = 8
export const CONTINUATION = 9

export const END_STREAM = 0x01
export const ACK = 0x01
export const END_HEADERS = 0x04
export const PADDED = 0x08
export const WITH_PRIORITY = 0x20

export const FRAME_HEADER_OCTETS = 9
export const STREAM_MASK = 0x7fff_ffff

export interface Frame {
  /** Of the payload. */
  readonly octets: number
  readonly type: number
  readonly flags: number
  readonly stream: number
}

export function readFrameHeader(reader: Reader): Frame {
  const octets = reader.u24be()
  const type = reader.u8()
  const flags = reader.u8()
  const stream = reader.u32be() & STREAM_MASK
  return { octets, type, flags, stream }
}

/** Octets of the payload; undefined = any number. */
const FIXED_OCTETS: Readonly<Record<number, number>> = {
  [PRIORITY]: 5,
  [RST_STREAM]: 4,
  [PING]: 8,
  [WINDOW_UPDATE]: 4,
}
const OF_CONNECTION: ReadonlySet<number> = new Set([SETTINGS, PING, GOAWAY])
const OF_STREAM: ReadonlySet<number> = new Set([
  DATA,
  HEADERS,
  PRIORITY,
  RST_STREAM,
  PUSH_PROMISE,
  CONTINUATION,
])

/** What a frame header says against itself; null = nothing. */
export function malformedHeader({ octets, type, stream }: Frame, limit: number): string | null {
  if (octets > limit) return 'RFC 9113 §4.2 frame larger than SETTINGS_MAX_FRAME_SIZE'
  const fixed = FIXED_OCTETS[type]
  if (fixed !== undefined && octets !== fixed) return 'RFC 9113 §4.2 frame size'
  if (OF_CONNECTION.has(type) && stream !== 0) return 'RFC 9113 §5.1.1 frame of a stream'
  if (OF_STREAM.has(type) && stream === 0) return 'RFC 9113 §5.1.1 frame without a stream'
  return null
}
