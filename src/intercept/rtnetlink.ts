/** Requests to one rtnetlink socket, checked: every answer that the caller did not expect is an error. */
import { decodeAcknowledgement, NetlinkError } from '../core/netlink/error.js'
import {
  decodeMessages,
  encodeBatch,
  type Message,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  type Request,
} from '../core/netlink/message.js'
import type { Os } from './os.js'

const TIMEOUT_MS = 5000
/** What one sendmsg may carry under the default net.core.wmem_default (212 992). */
const BATCH_OCTETS = 65536
const DUMP_ATTEMPTS = 8

/** Sequence numbers need only tell the answers of one batch apart. */
const FIRST_SEQUENCE = 1

export interface Expected {
  /** errno names that count as done, e.g. ENOENT for a removal. */
  readonly accept?: readonly string[]
}

function batches(requests: readonly Request[]): Request[][] {
  const all: Request[][] = []
  let room = 0
  for (const request of requests) {
    const octets = request.payload.length + 32
    const last = all.at(-1)
    if (last === undefined || octets > room) {
      all.push([request])
      room = BATCH_OCTETS - octets
    } else {
      last.push(request)
      room -= octets
    }
  }
  return all
}

/** One sendmsg per 64 KiB; the first refused request throws, all of its batch were tried. */
export function apply(
  os: Os,
  netlinkFd: number,
  requests: readonly Request[],
  expected: Expected = {},
): Message[] {
  return batches(requests).flatMap((batch) => {
    const octets = os.netlinkRequest(netlinkFd, encodeBatch(batch, FIRST_SEQUENCE), TIMEOUT_MS)
    const messages = decodeMessages(octets)
    for (const message of messages) throwIfRefused(message, batch, expected.accept ?? [])
    return messages.filter((m) => m.type !== NLMSG_ERROR && m.type !== NLMSG_DONE)
  })
}

function throwIfRefused(message: Message, batch: readonly Request[], accept: readonly string[]) {
  const answer = decodeAcknowledgement(message)
  if (answer === null || answer.errno === 0) return
  const index = answer.sequence - FIRST_SEQUENCE
  const request = batch[index]
  if (request === undefined) return
  const error = new NetlinkError(request, index, answer)
  if (!accept.includes(error.code)) throw error
}

/** A dump, again where the table changed meanwhile. */
export function dump(
  os: Os,
  netlinkFd: number,
  request: Request,
  expected: Expected = {},
): Message[] {
  for (let attempt = 1; ; attempt++) {
    const messages = apply(os, netlinkFd, [request], expected)
    const isTorn = messages.some((m) => (m.flags & NLM_F_DUMP_INTR) !== 0)
    if (!isTorn || attempt === DUMP_ATTEMPTS) return messages
  }
}
