/** What of mosquitto's deeds was not told. */
import type { Fact } from '../../../../src/core/inspect/contract.js'
import type { Deed } from './mosquitto-server.js'
import { type Reading, readingOf } from './reading.js'

interface Told {
  readonly packet: string
  /** null = not sure, as in the other. */
  readonly topics: readonly string[] | null
  readonly clientId: string | null
}

export const readOctets = (text: string): Reading<Told> => readingOf(text, toldBy)

function toldBy(fact: Fact): Told[] {
  if (fact.kind !== 'tx' || fact.dir !== 'orig') return []
  const { packet, topics, clientId, ambiguous } = fact.fields
  const isOpen = (name: string) => Array.isArray(ambiguous) && ambiguous.includes(name)
  return [
    {
      packet: String(packet),
      topics: isOpen('topics') ? null : Array.isArray(topics) ? topics : [],
      clientId: isOpen('clientId') ? null : String(clientId),
    },
  ]
}

/** A subscription without the name that its members share. */
const shared = (topic: string): string => topic.replace(/^\$share\/[^/]*\/(?=.)/, '')
const isAssigned = (clientId: string): boolean => /^(?:auto-)?[0-9A-F-]{36}$/i.test(clientId)

/** '' = all was told up to where the flow ends. Packets and those told stand in the same order. */
export function untold(did: readonly Deed[], { app, told, isMalformed }: Reading<Told>): string {
  const toLog = [...told]
  for (const [index, deed] of did.entries()) {
    // Of what is published to the broker's own topics it logs nothing.
    while (isOwn(toLog[0]) && toLog[0] !== undefined && !isTold(deed, toLog[0])) toLog.shift()
    const one = toLog.shift()
    if (one === undefined) return isMalformed ? '' : `${app}: ${JSON.stringify(did.slice(index))}`
    if (!isTold(deed, one)) return `${JSON.stringify(one)} for ${JSON.stringify(deed)}`
  }
  return ''
}

const isOwn = (one: Told | undefined): boolean =>
  one?.packet === 'PUBLISH' && (one.topics ?? []).some((topic) => topic.startsWith('$'))

function isTold({ packet, topics, clientId }: Deed, one: Told): boolean {
  if (one.packet !== packet) return false
  const isSame = one.clientId === null || one.clientId === clientId
  if (!isSame && !(one.clientId === '' && isAssigned(clientId))) return false
  const told = one.topics
  return (
    told === null ||
    topics.every(
      (topic) =>
        told.includes(packet === 'PUBLISH' ? topic : shared(topic)) || told.includes(topic),
    )
  )
}
