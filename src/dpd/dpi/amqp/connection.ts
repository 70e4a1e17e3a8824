/** What a connection's methods leave behind. */
import type { At, Dir, Fact, TxId } from '../../../core/inspect/contract.js'
import { FRAME_OCTETS } from './frame.js'
import type { Method } from './method.js'

/** Methods without an answer that are kept; the oldest ends when another comes. */
export const OPEN_TX = 128
/** Channels whose current queue is kept; RabbitMQ allows 2 047, clients use a few. */
export const CURRENT_QUEUES = 256
/** Of a channel whose queue the server names, until it has. */
export const UNNAMED = ''

export interface Open {
  readonly tx: TxId
  readonly channel: number
  readonly method: Method
}

export interface Connection {
  /** null = no protocol header yet. */
  version: string | null
  /** The client has sent connection.open. */
  opened: boolean
  /** null = octets that are no UTF-8. */
  vhost: string | null
  frameMax: number
  channelMax: number
  /** The queue that each channel declared last: an empty name later means it (queue.declare). */
  readonly currentQueues: Map<number, string>
  /** The payload of that direction's frame is skipped: its frame-end is next. */
  readonly awaitsEnd: Record<Dir, boolean>
  nextTx: TxId
  open: Open[]
  /** The last without an answer, for its refusal. */
  unanswered: Open | null
  /** One past the server's last frame. */
  replyAt: At
}

export const openConnection = (): Connection => ({
  version: null,
  opened: false,
  vhost: '',
  frameMax: FRAME_OCTETS,
  channelMax: 0xffff,
  currentQueues: new Map(),
  awaitsEnd: { orig: false, reply: false },
  nextTx: 0,
  open: [],
  unanswered: null,
  replyAt: 0,
})

/** What does not fit is unknown from then on. */
export function setCurrentQueue(
  { currentQueues }: Connection,
  channel: number,
  queue: string | null,
): void {
  currentQueues.delete(channel)
  if (queue !== null && currentQueues.size < CURRENT_QUEUES) currentQueues.set(channel, queue)
}

export function keepOpen(connection: Connection, open: Open, facts: Fact[]): void {
  connection.open.push(open)
  const oldest = connection.open.length > OPEN_TX ? connection.open.shift() : undefined
  if (oldest !== undefined) facts.push({ kind: 'txEnd', tx: oldest.tx, end: connection.replyAt })
}
