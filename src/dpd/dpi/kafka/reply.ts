/** A reply: its error where it has one for the whole, and the topic identifiers that it gives away. */
import type { Reader } from '../../../core/bytes.js'
import type { Fields } from '../../../core/inspect/contract.js'
import { API_VERSIONS, type Api, replyLayout, SASL_AUTHENTICATE, SASL_HANDSHAKE } from './api.js'
import { hasReplyTags, isFlexible } from './header.js'
import type { KnownTopics } from './topics.js'
import { skipTags, Walk } from './walk.js'

const THROTTLE_OCTETS = 4
/** First version of each api whose reply is throttle time, then the error code: JoinGroup, Heartbeat, … */
const AFTER_THROTTLE: Readonly<Record<number, number>> = {
  ...{ 11: 2, 12: 1, 13: 1, 14: 1, 16: 1, 22: 0, 25: 0, 26: 0 },
}
const AT_ONCE: ReadonlySet<number> = new Set([API_VERSIONS, SASL_HANDSHAKE, SASL_AUTHENTICATE])

export interface Answered {
  readonly api: Api | null
  readonly version: number
}

/** `reader` = after the correlation id. */
export function readReply(known: KnownTopics, request: Answered, reader: Reader): Fields {
  const { api, version } = request
  if (api === null) return {}
  if (hasReplyTags(request)) skipTags(reader)
  const layout = replyLayout(api, version)
  if (layout === null) return errorOf(api, version, reader)
  let name: string | null = null
  let id: string | null = null
  const pair = (): void => {
    if (name === null || id === null) return
    known.learn(id, name)
    name = null
    id = null
  }
  new Walk(reader, isFlexible(request), layout, {
    array: () => {},
    topic: (text) => {
      name = text
      pair()
    },
    topicId: (text) => {
      id = text
      pair()
    },
  })
  return {}
}

function errorOf({ key }: Api, version: number, reader: Reader): Fields {
  const throttled = AFTER_THROTTLE[key]
  if (throttled !== undefined && version >= throttled) reader.skip(THROTTLE_OCTETS)
  else if (!AT_ONCE.has(key)) return {}
  const code = (reader.u16be() << 16) >> 16
  if (reader.short) return {}
  return code === 0 ? { status: 'ok' } : { status: 'error', code }
}
