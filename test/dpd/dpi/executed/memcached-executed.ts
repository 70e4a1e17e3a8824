/** What of memcached's deeds was not told. */
import { fromLatin1 } from '../../../../src/core/bytes.js'
import type { Fact } from '../../../../src/core/inspect/contract.js'
import { deliver } from '../deliver.js'
import type { Deed, MemcachedServer } from './memcached-server.js'
import { type Reading, readingOf } from './reading.js'

interface Told {
  /** null = not sure. */
  readonly command: string | null
  readonly keys: readonly string[] | null
}

export const readOctets = (text: string): Reading<Told> => readingOf(text, toldBy)

/** '' = the server's answers can be read, or nobody asks. */
export function answerClause(asked: string, answer: string): string {
  const orig = { dir: 'orig' as const, octets: fromLatin1(asked), ended: false }
  const { app, state } = deliver([orig])
  if (app !== 'memcached' || state !== 'parsing') return ''
  return deliver([orig, { ...orig, dir: 'reply', octets: fromLatin1(answer) }]).clause
}

export interface DatagramReading extends Reading<Told> {
  /** Its frame and what that carries. */
  readonly datagram: string
  readonly octets: string
  /** Under every rule set: it can't be read. */
  readonly isDenied: boolean
}

/** One flow's. */
export function readDatagrams(datagrams: readonly string[]): readonly DatagramReading[] {
  const sends = datagrams.map((text) => ({
    dir: 'orig' as const,
    octets: fromLatin1(text),
    ended: false,
  }))
  const { facts, app } = deliver(sends, 'udp')
  return datagrams.map((datagram, index) => {
    const own = facts.flatMap(({ fact }) =>
      fact.kind === 'tx' && fact.dir === 'orig' && fact.begin === index ? [fact] : [],
    )
    const isDenied = own.some(({ fields }) => fields.malformed === true)
    const told = own.flatMap(toldBy)
    return { datagram, octets: datagram.slice(8), app, told, isMalformed: false, isDenied }
  })
}

function toldBy(fact: Fact): Told[] {
  if (fact.kind !== 'tx' || fact.dir !== 'orig') return []
  const { command, keys, ambiguous } = fact.fields
  const isOpen = (name: string) => Array.isArray(ambiguous) && ambiguous.includes(name)
  return [
    {
      command: isOpen('command') ? null : String(command),
      keys: !isOpen('keys') && Array.isArray(keys) ? keys : null,
    },
  ]
}

const OPCODES: readonly string[] = [
  ...['get', 'set', 'add', 'replace', 'delete', 'incr', 'decr', 'quit', 'flush_all', 'get', 'noop'],
  ...['version', 'get', 'get', 'append', 'prepend', 'stats', 'set', 'add', 'replace', 'delete'],
  ...['incr', 'decr', 'quit', 'flush_all', 'append', 'prepend', 'verbosity', 'touch', 'gat', 'gat'],
  ...['', 'sasl_list_mechs', 'sasl_auth', 'sasl_step', 'gat', 'gat'],
]

/** `bget` is an old word for get. */
const nameOf = (command: string): string =>
  command === 'bget'
    ? 'get'
    : (/^0x..$/.test(command) && OPCODES[Number(command)]) || command.replace(/^\r$/, '')

/** What a flow's first line has to begin with for it to be memcached's: anything else it answers with ERROR. */
const WORDS = new Set(
  `get gets bget gat gats set add replace append prepend cas incr decr touch delete stats flush_all version verbosity
  cache_memlimit watch lru_crawler slabs lru mn mg ms md ma me`.split(/\s+/),
)
/** Other protocols have these with words that memcached answers with an error. */
const SHARED = new Set(
  'get set add append incr decr touch delete stats watch slabs lru lru_crawler mg ms md ma me'.split(
    ' ',
  ),
)
const isKnown = (command: string): boolean =>
  /^0x..$/.test(command) ? (OPCODES[Number(command)] ?? '') !== '' : WORDS.has(command)

/** Of other lines first the flow's app is unknown, whatever follows. */
function isOthers(first: Deed, did: readonly Deed[]): boolean {
  const isShared = first.keys.length === 0 && SHARED.has(first.command)
  return isShared || !isKnown(first.command) || !did.some(({ keys }) => keys.length > 0)
}

/** '' = all was told up to where the flow ends. Lines and those told stand in the same order. */
export function untold(octets: string, did: readonly Deed[], reading: Reading<Told>): string {
  const first = did.find(({ command }) => !/^\r?$/.test(command))
  if (first === undefined) return ''
  // HTTP's parser waits for the rest of a head, and calls it malformed.
  if (reading.app === 'http') return ''
  const isOdd = /^[ \r\n]*(?:\0|\r[^\n])/.test(octets)
  if (reading.app !== 'memcached' && (isOdd || isOthers(first, did))) return ''
  return did.some(isBinary) ? untoldRequests(did, reading) : untoldLines(did, reading)
}

const isBinary = ({ command }: Deed): boolean => /^0x..$/.test(command)

function untoldLines(did: readonly Deed[], { app, told, isMalformed }: Reading<Told>): string {
  for (const [index, deed] of did.entries()) {
    const one = told[index]
    if (one === undefined) return isMalformed ? '' : `${app}: ${JSON.stringify(did.slice(index))}`
    if (!isTold(deed, one)) return `${JSON.stringify(one)} for ${JSON.stringify(deed)}`
  }
  return ''
}

/** The log has a request twice whose key was late, and those that were refused. */
function untoldRequests(did: readonly Deed[], { app, told, isMalformed }: Reading<Told>): string {
  if (isMalformed && told.length === 0) return ''
  let at = 0
  for (const [index, deed] of did.entries()) {
    if (deed.keys.length === 0 && !KEYLESS.has(nameOf(deed.command))) continue
    const found = told.findIndex((one, place) => place >= at && isTold(deed, one))
    if (found < 0) {
      // What it refuses is in the log too, and so is a header of which the rest never comes.
      const isRefused = isMalformed && index >= told.length
      const isPartial = did.slice(index).every((late) => isSame(late, deed))
      return isRefused || isPartial ? '' : `${app}: ${JSON.stringify(deed)} of ${at}`
    }
    at = found + 1
  }
  return ''
}

const isSame = (late: Deed, { command }: Deed): boolean =>
  late.command === command && late.keys.length === 0

const KEYLESS = new Set(['quit', 'flush_all', 'noop', 'version', 'stats'])

function isTold({ command, keys }: Deed, one: Told): boolean {
  const name = nameOf(command)
  if (one.command !== null && one.command.replace(/^\r$/, '') !== name) return false
  // A line's end in a binary key ends the log's line.
  return keys.every((key) => one.keys?.some((each) => each.split('\n', 1)[0] === key) ?? true)
}

/** Of those that are let pass. A flow whose first datagram is no command's is not memcached's. */
export async function untoldDatagrams(server: MemcachedServer, datagrams: readonly string[]) {
  const did: Deed[] = []
  for (const reading of readDatagrams(datagrams)) {
    if (reading.isDenied) continue
    const deeds = await server.executedDatagram(reading.datagram)
    if (reading.app !== 'memcached' && isOthers(deeds[0] ?? NO_DEED, deeds)) break
    did.push(...deeds)
    const missing = untold(reading.octets, deeds, reading)
    if (missing !== '') return { did, missing }
  }
  return { did, missing: '' }
}

const NO_DEED: Deed = { command: '', keys: [] }
