/** Message size and request header of the protocol guide; replies begin with the size and a correlation id. */
import { Reader } from '../../../core/bytes.js'
import { utf8Text } from '../utf8.js'
import { API_VERSIONS, type Api, apis } from './api.js'
import { skipTags } from './walk.js'

export const SIZE_OCTETS = 4
/** Size, api key, api version, correlation id, length of the client id. */
export const HEADER_OCTETS = 14
/** Sizes are signed. */
const MESSAGE_OCTETS = 0x7fff_ffff
/** Keys so far end at 92; a broker closes at one that it does not know. */
const KEYS = 256

export interface Header {
  /** Of the message, its size included. */
  readonly octets: number
  readonly key: number
  readonly version: number
  readonly correlationId: number
  /** undefined = none (null), null = no UTF-8. */
  readonly clientId: string | null | undefined
  /** null = not known to this parser. */
  readonly api: Api | null
}

/** Of a whole message: size first; -1 = no size that there is. */
export function messageOctets(input: Uint8Array): number {
  const size = new Reader(input).u32be()
  return size < SIZE_OCTETS || size > MESSAGE_OCTETS ? -1 : SIZE_OCTETS + size
}

/** The reader, at the size, stands at the body after it; short = not all there. Text = the clause. */
export function readRequestHeader(reader: Reader): Header | string {
  const octets = SIZE_OCTETS + reader.u32be()
  const key = reader.u16be()
  const version = reader.u16be()
  const correlationId = reader.u32be()
  const api = apis.get(key) ?? null
  if (!reader.short && key >= KEYS) return 'Kafka protocol guide: api key'
  const length = (reader.u16be() << 16) >> 16
  const text = length < 0 ? undefined : utf8Text(reader.octets(length))
  if (api !== null && version >= api.flexibleFrom) skipTags(reader)
  return { octets, key, version, correlationId, clientId: text, api }
}

export const isFlexible = ({ api, version }: Pick<Header, 'api' | 'version'>): boolean =>
  api !== null && version >= api.flexibleFrom

/** A reply to ApiVersions has the old header in every version, so that any client reads it. */
export const hasReplyTags = (request: Pick<Header, 'api' | 'version'>): boolean =>
  isFlexible(request) && request.api?.key !== API_VERSIONS
