/** The frames that an Initial packet may carry (RFC 9000 §17.2.2, §19). */
import { Reader } from '../../../core/bytes.js'
import type { CryptoStream } from './crypto-stream.js'
import { varint } from './varint.js'

const FrameType = {
  padding: 0x00,
  ping: 0x01,
  ack: 0x02,
  ackWithEcn: 0x03,
  crypto: 0x06,
  connectionClose: 0x1c,
} as const

/** CRYPTO goes into the stream; the clause that is violated, or null. */
export function readFrames(payload: Uint8Array, stream: CryptoStream): string | null {
  const reader = new Reader(payload)
  if (reader.left === 0) return 'RFC 9000 §12.4 packet without frames'
  while (reader.left > 0) {
    const clause = readFrame(payload, reader, stream)
    if (clause !== null) return clause
    if (reader.short) return 'RFC 9000 §19 frame length'
  }
  return null
}

function readFrame(payload: Uint8Array, reader: Reader, stream: CryptoStream): string | null {
  const type = varint(reader)
  switch (type) {
    case FrameType.padding:
      reader.skip(zeros(payload, reader.at))
      return null
    case FrameType.ping:
      return null
    case FrameType.ack:
    case FrameType.ackWithEcn:
      skipAck(reader, type === FrameType.ackWithEcn)
      return null
    case FrameType.crypto: {
      const offset = varint(reader)
      const octets = reader.octets(varint(reader))
      return reader.short ? null : stream.add(offset, octets)
    }
    case FrameType.connectionClose:
      // Error code, frame type, reason.
      varint(reader)
      varint(reader)
      reader.skip(varint(reader))
      return null
    default:
      return 'RFC 9000 §12.4 frame that no Initial packet carries'
  }
}

function zeros(payload: Uint8Array, at: number): number {
  let end = at
  while (payload[end] === FrameType.padding) end++
  return end - at
}

/** §19.3: largest, delay, further ranges, the first; a gap and a length each; three counts with ECN. */
function skipAck(reader: Reader, hasCounts: boolean): void {
  varint(reader)
  varint(reader)
  const further = varint(reader)
  varint(reader)
  for (let range = 0; range < further && !reader.short; range++) {
    varint(reader)
    varint(reader)
  }
  if (hasCounts) for (let count = 0; count < 3; count++) varint(reader)
}
