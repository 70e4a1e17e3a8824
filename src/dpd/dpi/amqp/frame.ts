/** Frames (AMQP 0-9-1 §4.2.3): type, channel, size, payload, frame-end. */
import type { Reader } from '../../../core/bytes.js'

export const METHOD = 1
export const HEADER = 2
export const BODY = 3
export const HEARTBEAT = 8
export const FRAME_HEADER_OCTETS = 7
export const FRAME_END = 0xce
/** Of a frame beside its payload: what frame-max counts with it. */
export const FRAME_OVERHEAD = 8
/** Before connection.tune-ok: what servers offer there. */
export const FRAME_OCTETS = 131_072

export interface Frame {
  readonly type: number
  readonly channel: number
  /** Of the payload. */
  readonly octets: number
}

export function readFrameHeader(reader: Reader): Frame {
  const type = reader.u8()
  const channel = reader.u16be()
  const octets = reader.u32be()
  return { type, channel, octets }
}

/** What a frame header says against itself; null = nothing. */
export function malformedHeader({ type, channel, octets }: Frame, frameMax: number): string | null {
  if (type !== METHOD && type !== HEADER && type !== BODY && type !== HEARTBEAT) {
    return 'AMQP 0-9-1 §4.2.3 frame type'
  }
  if (octets + FRAME_OVERHEAD > frameMax) return 'AMQP 0-9-1 §4.2.3 frame larger than frame-max'
  if (type === HEARTBEAT && (channel !== 0 || octets !== 0)) return 'AMQP 0-9-1 §4.2.7 heartbeat'
  if ((type === HEADER || type === BODY) && channel === 0) {
    return 'AMQP 0-9-1 §4.2.6 content on channel 0'
  }
  return null
}
