/** A client's method: its names as fields (AMQP 0-9-1 §1.4 to §1.8). */
import type { Reader } from '../../../core/bytes.js'
import type { Fields } from '../../../core/inspect/contract.js'
import { type Connection, setCurrentQueue, UNNAMED } from './connection.js'
import { CONNECTION, DECLARE, type Method, OPEN, QUEUE } from './method.js'
import { readName } from './name.js'

type Names = Record<string, string | null | undefined>

export interface Request {
  readonly fields: Fields
  /** The client wants no answer, or there is none. */
  readonly isSilent: boolean
}

/** `reader` = the arguments. It is short where they are not all there: then nothing has changed. */
export function readRequest(
  connection: Connection,
  channel: number,
  method: Method,
  reader: Reader,
): Request {
  const names: Names = {}
  for (const argument of method.arguments) {
    if (argument === 'reserved') reader.skip(2)
    else names[argument] = readName(reader)
  }
  const noWait = method.noWait !== 0 && (reader.u8() & method.noWait) !== 0
  const isSilent = noWait || method.answers.length === 0
  if (reader.short) return { fields: {}, isSilent }
  const { classId, methodId } = method
  if (classId === CONNECTION && methodId === OPEN) {
    connection.opened = true
    connection.vhost = names.vhost ?? null
  } else if (classId === QUEUE && methodId === DECLARE) {
    setCurrentQueue(connection, channel, names.queue ?? null)
  } else if (names.queue === '') nameCurrent(connection, channel, names)
  if (method.name === 'basic.publish' && names.exchange === '') names.queue = names.routingKey
  return { fields: fieldsOf(connection, method, names), isSilent }
}

/** An empty queue name means the channel's current queue; an empty routing key with it, its name. */
function nameCurrent({ currentQueues }: Connection, channel: number, names: Names): void {
  const current = currentQueues.get(channel)
  names.queue = current === undefined || current === UNNAMED ? null : current
  if (names.routingKey === '') names.routingKey = names.queue
}

function fieldsOf(connection: Connection, method: Method, names: Names): Fields {
  const fields: Record<string, string | readonly string[]> = { method: method.name }
  const ambiguous: string[] = []
  const all: Names = { ...names, vhost: connection.vhost }
  for (const field of ['exchange', 'routingKey', 'queue', 'vhost'] as const) {
    const value = all[field]
    if (value === null) ambiguous.push(field)
    else if (value !== undefined) fields[field] = value
  }
  // Two exchanges are bound to each other: no rule names both.
  if (names.source !== undefined && names.source !== names.exchange) {
    if (names.source !== null) fields.source = names.source
    if (!ambiguous.includes('exchange')) ambiguous.push('exchange')
  }
  return ambiguous.length === 0 ? fields : { ...fields, ambiguous }
}
