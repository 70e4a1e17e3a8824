/** The server's refusal: the reply of the request's api and version, with an authorization error for all that it names. */
import { Reader } from '../../../core/bytes.js'
import type { Refusal } from '../../../core/inspect/contract.js'
import { FETCH, layoutOf, METADATA, PRODUCE, requestLayout } from './api.js'
import { type Header, hasReplyTags, isFlexible, readRequestHeader } from './header.js'
import { compile, type Layout } from './layout.js'
import {
  type Broker,
  type Repeated,
  ReplyWriter,
  type Topic,
  type Written,
} from './reply-writer.js'
import { Walk } from './walk.js'

const TOPIC_AUTHORIZATION_FAILED = 29
const GROUP_AUTHORIZATION_FAILED = 30
const CLUSTER_AUTHORIZATION_FAILED = 31
const TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53
/** FindCoordinator's keys of that type are transactions. */
const TRANSACTION_KEY = 1
/** What a client's first receive window holds in any case. */
const REFUSAL_OCTETS = 16_384

interface Row {
  readonly error: number
  readonly reply: string
  /** Of the request, where it is read for no other purpose. */
  readonly asks?: string
  /** Outside of them the reply has no place for the error, or another layout. */
  readonly versions?: readonly [from: number, to: number]
}

const topics = (reply: string, versions?: Row['versions']): Row => ({
  error: TOPIC_AUTHORIZATION_FAILED,
  reply,
  ...(versions === undefined ? {} : { versions }),
})
const group = (reply: string): Row => ({ error: GROUP_AUTHORIZATION_FAILED, reply })

const ROWS: Readonly<Record<number, Row>> = {
  [PRODUCE]: topics(
    `[ topic@0-12 topicId@13+ [ partition error none64 none64@2+ none64@5+ empty@8+ null@8+ ] ]
     i32@1+`,
  ),
  [FETCH]: topics(
    `i32@1+ i16@7+ i32@7+
     [ topic@0-12 topicId@13+
       [ partition error none64 none64@4+ none64@5+ empty@4+ none32@11+ empty ] ]`,
  ),
  2: topics('i32@2+ [ topic [ partition error empty@0 none64@1+ none64@1+ none32@4+ ] ]'),
  [METADATA]: topics(
    `i32@3+ [ node host port null@1+ ] null@2+ none32@1+
     [ error topic topicId@10+ bool@1+ empty unasked@8+ ] unasked@8-10 i16@13+`,
  ),
  8: topics('i32@3+ [ topic@0-9 topicId@10+ [ partition error ] ]'),
  9: {
    ...group('i32@3+ empty@2-7 error@2-7 [@8+ group empty error ]'),
    asks: '[@8+ group str@9+ i32@9+ [ topic@8-9 topicId@10+ < i32 > ] ]',
    versions: [2, 10],
  },
  10: {
    ...group(
      `i32@1+ error@0-3 null@1-3 none32@0-3 text@0-3 none32@0-3
       [@4+ group none32 text none32 error null ]`,
    ),
    asks: 'str@0-3 keyType@1+ <@4+ group >',
  },
  11: group('i32@2+ error none32 null@7+ text@0-6 null@7+ text bool@9+ text empty'),
  12: group('i32@1+ error'),
  13: group('i32@1+ error empty@3+'),
  14: group('i32@1+ error null@5+ null@5+ empty'),
  18: { error: CLUSTER_AUTHORIZATION_FAILED, reply: 'error empty i32@1+' },
  19: topics('i32@2+ [ topic topicId@7+ error null@1+ none32@5+ none16@5+ empty@5+ ]'),
  20: topics('i32@1+ [ topic topicId@6+ error null@5+ ]'),
  21: topics('i32 [ topic [ partition none64 error ] ]'),
  22: {
    error: CLUSTER_AUTHORIZATION_FAILED,
    reply: 'i32 error none64 none16 none64@6+ none16@6+',
  },
  23: topics('i32@2+ [ topic [ error partition none32@1+ none64 ] ]'),
  24: topics('i32 [ topic [ partition error ] ]', [0, 3]),
  25: group('i32 error'),
  26: { error: TRANSACTIONAL_ID_AUTHORIZATION_FAILED, reply: 'i32 error', versions: [0, 4] },
  28: topics('i32 [ topic [ partition error ] ]'),
  37: topics('i32 [ topic error null ]'),
}

const replies = new Map<string, Layout<Written>>()

/** Of which a request's octets are worth to be kept. */
export function canRefuse({ key, version, api }: Header): boolean {
  const row = ROWS[key]
  if (row === undefined || api === null || version > api.lastVersion) return false
  const [from, to] = row.versions ?? [0, api.lastVersion]
  return version >= from && version <= to
}

/** `request` = a whole message, or as much of it as was read; null = what it names is not all there. */
export function refuse(request: Uint8Array, broker: Broker): Refusal | null {
  const reader = new Reader(request)
  const header = readRequestHeader(reader)
  if (typeof header === 'string' || !canRefuse(header)) return null
  const row = ROWS[header.key]
  const read = row === undefined ? null : readRepeated(header, reader, row)
  if (row === undefined || read === null) return null
  const error = read.isTransaction ? TRANSACTIONAL_ID_AUTHORIZATION_FAILED : row.error
  const writer = new ReplyWriter(isFlexible(header), { error, repeated: read, broker })
  writer.i32(header.correlationId)
  if (hasReplyTags(header)) writer.tags()
  writer.body(replyLayout(row.reply, header.version))
  const size = writer.octets.length
  if (size > REFUSAL_OCTETS) return null
  const sizeOctets = [size >>> 24, (size >>> 16) & 0xff, (size >>> 8) & 0xff, size & 0xff]
  return { toOpener: Uint8Array.from([...sizeOctets, ...writer.octets]), then: 'close' }
}

function replyLayout(text: string, version: number): Layout<Written> {
  const key = `${version} ${text}`
  const layout = replies.get(key) ?? compile<Written>(text, version)
  replies.set(key, layout)
  return layout
}

function readRepeated(
  header: Header,
  reader: Reader,
  { asks, error }: Row,
): (Repeated & { readonly isTransaction: boolean }) | null {
  const { api, version, key } = header
  const layout = asks !== undefined ? layoutOf(asks, version) : api && requestLayout(api, version)
  if (layout === null) return null
  const found: Topic[] = []
  const groups: string[] = []
  let isWhole = true
  const inTopic = (set: (topic: Topic) => void): void => {
    const topic = found.at(-1)
    if (topic !== undefined) set(topic)
  }
  const walk = new Walk(
    reader,
    isFlexible(header),
    { ...layout, last: layout.lastRepeated },
    {
      array: () => {},
      entry: () => found.push({ name: null, id: null, partitions: [] }),
      topic: (name) => {
        isWhole &&= name !== null
        inTopic((topic) => {
          topic.name = name
        })
      },
      topicId: (id) =>
        inTopic((topic) => {
          topic.id = id
        }),
      partition: (index) => inTopic(({ partitions }) => partitions.push(index)),
      group: (name) => {
        isWhole &&= name !== null
        if (name !== null) groups.push(name)
      },
    },
  )
  if (!isWhole || walk.hasTooMany || (reader.short && !walk.isOver)) return null
  // An incremental fetch that names none asks for those of its session.
  const mustName = error === TOPIC_AUTHORIZATION_FAILED && key !== METADATA
  if (mustName && found.length === 0) return null
  return { topics: found, groups, isTransaction: walk.keyType === TRANSACTION_KEY }
}
