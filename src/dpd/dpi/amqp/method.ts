/** Methods of AMQP 0-9-1 and RabbitMQ's additions to it: who sends which, and what names are in the clients'. */

/** Names in the order of their arguments; the fields of these names are told, others are passed. */
type Argument = 'exchange' | 'source' | 'queue' | 'routingKey' | 'vhost' | 'other' | 'reserved'

export interface Method {
  readonly name: string
  readonly classId: number
  readonly methodId: number
  readonly arguments: readonly Argument[]
  /** Bit of the octet after the arguments that asks for no answer; 0 = always answered. */
  readonly noWait: number
  /** Methods of the same class that answer it; none = it has no answer. */
  readonly answers: readonly number[]
}

export const CONNECTION = 10
export const CHANNEL = 20
export const OPEN = 40
export const TUNE_OK = 31
export const CONNECTION_CLOSE = 50
export const CHANNEL_CLOSE = 40
export const QUEUE = 50
export const DECLARE = 10
export const DECLARE_OK = 11
/** `class.method` of what a client asks: id pairs, arguments, no-wait bit, answers. */
const ROWS: readonly [string, number, number, string, number, ...number[]][] = [
  ['connection.open', 10, 40, 'vhost', 0, 41],
  ['connection.update-secret', 10, 70, '', 0, 71],
  ['channel.open', 20, 10, '', 0, 11],
  ['exchange.declare', 40, 10, 'reserved exchange other', 16, 11],
  ['exchange.delete', 40, 20, 'reserved exchange', 2, 21],
  ['exchange.bind', 40, 30, 'reserved exchange source routingKey', 1, 31],
  ['exchange.unbind', 40, 40, 'reserved exchange source routingKey', 1, 51],
  ['queue.declare', 50, 10, 'reserved queue', 16, 11],
  ['queue.bind', 50, 20, 'reserved queue exchange routingKey', 1, 21],
  ['queue.purge', 50, 30, 'reserved queue', 1, 31],
  ['queue.delete', 50, 40, 'reserved queue', 4, 41],
  ['queue.unbind', 50, 50, 'reserved queue exchange routingKey', 0, 51],
  ['basic.qos', 60, 10, '', 0, 11],
  ['basic.consume', 60, 20, 'reserved queue other', 8, 21],
  ['basic.cancel', 60, 30, 'other', 1, 31],
  ['basic.publish', 60, 40, 'reserved exchange routingKey', 0],
  ['basic.get', 60, 70, 'reserved queue', 0, 71, 72],
  ['basic.ack', 60, 80, '', 0],
  ['basic.reject', 60, 90, '', 0],
  ['basic.recover-async', 60, 100, '', 0],
  ['basic.recover', 60, 110, '', 0, 111],
  ['basic.nack', 60, 120, '', 0],
  ['confirm.select', 85, 10, '', 1, 11],
  ['tx.select', 90, 10, '', 0, 11],
  ['tx.commit', 90, 20, '', 0, 21],
  ['tx.rollback', 90, 30, '', 0, 31],
]
/** What a client answers, or says at the end: it asks for nothing. */
const SILENT: ReadonlySet<number> = new Set(
  [
    ...[
      [10, 11],
      [10, 21],
      [10, TUNE_OK],
      [10, 50],
      [10, 51],
      [20, 20],
      [20, 21],
      [20, 40],
      [20, 41],
      [60, 31],
    ],
  ].map(([classId = 0, methodId = 0]) => keyOf(classId, methodId)),
)

function keyOf(classId: number, methodId: number): number {
  return classId * 65_536 + methodId
}

const METHODS: ReadonlyMap<number, Method> = new Map(
  ROWS.map(([name, classId, methodId, words, noWait, ...answers]) => [
    keyOf(classId, methodId),
    {
      ...{ name, classId, methodId, noWait, answers },
      arguments: (words === '' ? [] : words.split(' ')) as Argument[],
    },
  ]),
)

/** `silent` = a client's that is no transaction, null = no client may send it. */
export function clientMethod(classId: number, methodId: number): Method | 'silent' | null {
  const key = keyOf(classId, methodId)
  return METHODS.get(key) ?? (SILENT.has(key) ? 'silent' : null)
}
