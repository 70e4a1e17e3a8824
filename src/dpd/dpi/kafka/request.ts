/** What a request asks for: its api, and the topics that it names. */
import type { Reader } from '../../../core/bytes.js'
import type { Fields } from '../../../core/inspect/contract.js'
import { FETCH, meansAll, PRODUCE, requestLayout } from './api.js'
import { type Header, isFlexible } from './header.js'
import type { KnownTopics } from './topics.js'
import { Walk } from './walk.js'

export interface Request {
  readonly fields: Fields
  readonly detail: () => Fields
  /** Produce with acks 0. */
  readonly isSilent: boolean
}

/** `reader` = the body; it is short where the walk was not over. `isFinal` = no more is read. */
export function readRequest(
  known: KnownTopics,
  header: Header,
  reader: Reader,
  isFinal: boolean,
): Request | null {
  const { api, version, key } = header
  const layout = api === null ? null : requestLayout(api, version)
  if (layout === null) return requestOf(header, [], true, null)
  const topics: string[] = []
  let isOpen = false
  const walk = new Walk(reader, isFlexible(header), layout, {
    array: (count) => {
      isOpen ||= meansAll(key, version, count)
    },
    topic: (name) => {
      if (name === null) isOpen = true
      else topics.push(name)
    },
    topicId: (id) => {
      const name = known.nameOf(id)
      if (name === null) isOpen = true
      else topics.push(name)
    },
  })
  if (reader.short && !isFinal) return null
  isOpen ||= reader.short || walk.hasTooMany || walk.hasPattern
  if (key === FETCH) return fetchOf(known, header, walk, topics, isOpen)
  const isSilent = key === PRODUCE && walk.acks === 0
  return { ...requestOf(header, topics, isOpen, walk.group), isSilent }
}

function fetchOf(
  known: KnownTopics,
  header: Header,
  walk: Walk,
  topics: readonly string[],
  isOpen: boolean,
): Request {
  // One that names no session is a full fetch.
  const all = known.fetch(topics, walk.sessionId, walk.sessionEpoch)
  if (isOpen) known.forgetSession()
  return requestOf(header, all ?? topics, isOpen || all === null, null)
}

function requestOf(
  { key, api, version, clientId }: Header,
  topics: readonly string[],
  isOpen: boolean,
  group: string | null,
): Request {
  const ambiguous = [...(isOpen ? ['topics'] : []), ...(clientId === null ? ['clientId'] : [])]
  const fields: Record<string, string | number | readonly string[]> = {
    api: api?.name ?? String(key),
    apiVersion: version,
  }
  if (topics.length > 0) fields.topics = [...new Set(topics)]
  if (typeof clientId === 'string') fields.clientId = clientId
  if (ambiguous.length > 0) fields.ambiguous = ambiguous
  const detail = (): Fields => (group === null ? {} : { groupId: group })
  return { fields, detail, isSilent: false }
}
