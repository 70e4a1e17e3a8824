import { Reader } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'
import { API_VERSIONS, apis, METADATA, SASL_HANDSHAKE } from './api.js'
import { HEADER_OCTETS } from './header.js'

const CLIENT_ID_OCTETS = 256
export const PROBE_OCTETS = HEADER_OCTETS + CLIENT_ID_OCTETS
/** A first request is small, unless it is the records of a producer of the oldest kind. */
const FIRST_OCTETS = 1_048_576
const LEAST_OCTETS = 10
/** Clients count from 0 or 1, kafkajs from anywhere below a million. */
const CORRELATION_IDS = 0x100_0000
/** Requests that may come without a client id that says something. */
const OPENING: ReadonlySet<number> = new Set([METADATA, SASL_HANDSHAKE, API_VERSIONS])
/** They are small then: other protocols' small numbers among zeros look the same. */
const NAMELESS_OCTETS = 1_024

/** The client speaks first: a header whose every field is one that clients send. */
export function probeKafka(
  heads: Readonly<Record<Dir, Uint8Array>>,
  _ended: Readonly<Record<Dir, boolean>>,
): 'yes' | 'no' | 'more' {
  const { orig, reply } = heads
  if (orig.length === 0) return reply.length === 0 ? 'more' : 'no'
  // The first octet of a size below 2^24.
  if (orig[0] !== 0) return 'no'
  const reader = new Reader(orig)
  const size = reader.u32be()
  if (reader.short) return 'more'
  if (size < LEAST_OCTETS || size > FIRST_OCTETS) return 'no'
  const key = reader.u16be()
  const api = apis.get(key)
  if (reader.short) return 'more'
  if (api === undefined) return 'no'
  const version = reader.u16be()
  if (reader.short) return 'more'
  return version > api.lastVersion ? 'no' : probeClient(reader, orig, size, key)
}

function probeClient(
  reader: Reader,
  orig: Uint8Array,
  size: number,
  key: number,
): 'yes' | 'no' | 'more' {
  const correlationId = reader.u32be()
  if (reader.short) return 'more'
  if (correlationId >= CORRELATION_IDS) return 'no'
  const length = (reader.u16be() << 16) >> 16
  if (reader.short) return 'more'
  if (length <= 0) {
    return length >= -1 && OPENING.has(key) && size <= NAMELESS_OCTETS ? 'yes' : 'no'
  }
  if (length > CLIENT_ID_OCTETS || length > size - LEAST_OCTETS) return 'no'
  const client = orig.subarray(HEADER_OCTETS, HEADER_OCTETS + length)
  if (!client.every((octet) => octet >= 0x20 && octet !== 0x7f)) return 'no'
  return client.length === length ? 'yes' : 'more'
}
