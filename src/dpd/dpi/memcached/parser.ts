/** memcached over TCP: text with meta commands, or binary; the client's first octet says which (protocol.txt, protocol-binary). */
import type { At, Dir, Parser, Refusal, Step } from '../../../core/inspect/contract.js'
import { NO_OCTET } from '../begins.js'
import { MAGIC_REQUEST, readBinaryCommand, readBinaryReply } from './binary.js'
import { FIRST_OCTETS, PROBE_OCTETS, probeTcp } from './probe.js'
import { binaryRefusal, textRefusal } from './refusal.js'
import {
  openPosition,
  openProgress,
  type ReplyProgress,
  readTextCommands,
  readTextReplies,
  type TextPosition,
} from './text.js'
import { OPEN_TX, Transactions } from './transactions.js'

const WINDOW_OCTETS = 16_384
/** The open transactions, five numbers and words each. */
const STATE_OCTETS = 65_536

interface MemcachedState {
  protocol: 'text' | 'binary' | null
  readonly commands: TextPosition
  readonly replies: ReplyProgress
  readonly transactions: Transactions
}

function step(state: MemcachedState, dir: Dir, input: Uint8Array, at: At): Step {
  if (input.length === 0) return { take: 0, facts: [], next: { kind: 'need', octets: 1 } }
  state.protocol ??= dir === 'reply' ? null : input[0] === MAGIC_REQUEST ? 'binary' : 'text'
  const { protocol, transactions } = state
  if (protocol === null) return { take: 0, facts: [], next: { kind: 'await' } }
  if (protocol === 'binary') {
    return dir === 'orig'
      ? readBinaryCommand(transactions, input, at)
      : readBinaryReply(transactions, input, at)
  }
  return dir === 'orig'
    ? readTextCommands(state.commands, transactions, input, at)
    : readTextReplies(state.replies, transactions, input, at)
}

/** Only where the opener awaits this transaction's reply next and has had none of it. */
function refusal({ protocol, replies, transactions }: MemcachedState, tx: number): Refusal | null {
  const { oldest } = transactions
  const isBetween = !replies.isTold && !replies.position.inBlockEnd
  if (oldest?.tx !== tx || !isBetween) return null
  const toOpener = protocol === 'binary' ? binaryRefusal(oldest) : textRefusal()
  return { toOpener, then: 'close' }
}

export const memcached: Parser<MemcachedState> = {
  app: 'memcached',
  transport: ['tcp'],
  limits: {
    windowOctets: WINDOW_OCTETS,
    stateOctets: STATE_OCTETS,
    openTx: OPEN_TX,
    probeOctets: PROBE_OCTETS,
  },
  begins: { orig: FIRST_OCTETS, reply: NO_OCTET },
  probe: probeTcp,
  open: () => ({
    protocol: null,
    commands: openPosition(),
    replies: openProgress(),
    transactions: new Transactions(),
  }),
  step,
  // A data block may hold what looks like a command.
  gap: () => ({ take: 0, facts: [], next: { kind: 'done' } }),
  refusal,
}
