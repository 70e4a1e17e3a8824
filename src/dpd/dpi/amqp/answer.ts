/** The server's methods: answers to the client's, and the end of a channel or connection. */
import type { Reader } from '../../../core/bytes.js'
import type { At, Fact, Fields } from '../../../core/inspect/contract.js'
import { type Connection, type Open, setCurrentQueue } from './connection.js'
import {
  CHANNEL,
  CHANNEL_CLOSE,
  CONNECTION,
  CONNECTION_CLOSE,
  DECLARE_OK,
  QUEUE,
} from './method.js'
import { readName } from './name.js'

export interface Place {
  readonly channel: number
  readonly begin: At
  readonly end: At
}

const OK: Fields = { status: 'ok' }

/** `reader` = after class and method; short where the arguments are not all there: then nothing has changed. */
export function readAnswer(
  connection: Connection,
  place: Place,
  [classId, methodId]: readonly [number, number],
  reader: Reader,
): Fact[] {
  const { channel } = place
  const closesChannel = classId === CHANNEL && methodId === CHANNEL_CLOSE
  const closesAll = classId === CONNECTION && methodId === CONNECTION_CLOSE
  if (closesChannel || closesAll) {
    const fields: Fields = { status: 'error', code: reader.u16be() }
    return reader.short ? [] : fail(connection, place, fields, closesAll)
  }
  if (classId === QUEUE && methodId === DECLARE_OK) {
    const queue = readName(reader)
    if (reader.short) return []
    setCurrentQueue(connection, channel, queue)
  }
  const index = connection.open.findIndex(
    (open) =>
      open.channel === channel &&
      open.method.classId === classId &&
      open.method.answers.includes(methodId),
  )
  const open = connection.open[index]
  if (open === undefined) return []
  connection.open.splice(index, 1)
  return answered(open, place, OK)
}

/** What is still open on a channel, or on any, has no other answer. */
function fail(connection: Connection, place: Place, fields: Fields, all: boolean): Fact[] {
  const isOf = ({ channel }: Open) => all || channel === place.channel
  const failed = connection.open.filter(isOf)
  connection.open = connection.open.filter((open) => !isOf(open))
  return failed.flatMap((open) => answered(open, place, fields))
}

function answered({ tx }: Open, { begin, end }: Place, fields: Fields): Fact[] {
  return [
    { kind: 'tx', tx, dir: 'reply', begin, fields, complete: true },
    { kind: 'txEnd', tx, end },
  ]
}
