/** MongoDB's wire protocol: OP_MSG, OP_COMPRESSED and the legacy op codes; one transaction per request message. */
import { Reader } from '../../../core/bytes.js'
import type {
  At,
  Dir,
  Fact,
  Fields,
  Next,
  Parser,
  Step,
  TxId,
} from '../../../core/inspect/contract.js'
import { NO_OCTET } from '../begins.js'
import { readOutcome } from './command.js'
import { PROBE_OCTETS, probeMongo } from './probe.js'
import { unauthorized } from './refusal.js'
import { type Answer, isRequest, readRequest } from './request.js'
import {
  HEADER_OCTETS,
  type Header,
  MESSAGE_OCTETS,
  MORE_TO_COME,
  OpCode,
  readHeader,
  u32le,
} from './wire.js'

/** Requests without a reply that are kept; the oldest ends when another comes. */
const OPEN_TX = 128
const STATE_OCTETS = 16_384
/** Of a request, read for its command, `$db` and pipeline: below what a hold may keep of one direction. */
const HEAD_OCTETS = 12_288
/** Of a reply: errors are shorter. */
const REPLY_HEAD_OCTETS = 4_096
/** Octets before the documents of OP_MSG and of OP_REPLY. */
const MSG_BODY = 21
const REPLY_BODY = 36
const QUERY_FAILURE = 2

interface Open {
  readonly tx: TxId
  readonly answer: Answer
  /** What the next reply responds to: the request, or the exhaust reply before. */
  awaited: number
  isTold: boolean
}

interface MongoState {
  nextTx: TxId
  open: Open[]
  /** One past the last reply message whose header was read. */
  replyAt: At
}

const openState = (): MongoState => ({ nextTx: 0, open: [], replyAt: 0 })
const need = (octets: number): Step => ({ take: 0, facts: [], next: { kind: 'need', octets } })
const malformed = (clause: string): Step => ({
  take: 0,
  facts: [],
  next: { kind: 'malformed', clause },
})

function step(state: MongoState, dir: Dir, input: Uint8Array, at: At): Step {
  if (input.length < HEADER_OCTETS) return need(HEADER_OCTETS)
  const header = readHeader(new Reader(input))
  if (header.octets < HEADER_OCTETS || header.octets > MESSAGE_OCTETS) {
    return malformed('MongoDB messageLength')
  }
  return dir === 'orig' ? request(state, input, at, header) : reply(state, input, at, header)
}

function request(state: MongoState, input: Uint8Array, at: At, header: Header): Step {
  if (!isRequest(header.opCode)) return malformed('MongoDB opCode of a request')
  const head = Math.min(header.octets, HEAD_OCTETS)
  const octets = input.subarray(0, head)
  const read = readRequest({ octets, length: header.octets, opCode: header.opCode })
  if (read.kind === 'malformed') return malformed(read.clause)
  if (read.kind === 'cut' && octets.length < head) return need(octets.length + 1)
  const facts: Fact[] = []
  const tx = state.nextTx++
  facts.push({ kind: 'tx', tx, dir: 'orig', begin: at, fields: read.fields, complete: true })
  if (read.answer === 'none') facts.push({ kind: 'txEnd', tx, end: state.replyAt })
  else state.open.push({ tx, answer: read.answer, awaited: header.requestId, isTold: false })
  const oldest = state.open.length > OPEN_TX ? state.open.shift() : undefined
  if (oldest !== undefined) facts.push({ kind: 'txEnd', tx: oldest.tx, end: state.replyAt })
  return pass(input, header, facts)
}

function reply(state: MongoState, input: Uint8Array, at: At, header: Header): Step {
  const head = Math.min(header.octets, REPLY_HEAD_OCTETS)
  if (input.length < head) return need(head)
  const { opCode } = header
  const isReply = opCode === OpCode.msg || opCode === OpCode.reply || opCode === OpCode.compressed
  if (!isReply && opCode !== OpCode.commandReply) return malformed('MongoDB opCode of a reply')
  const end = at + header.octets
  state.replyAt = end
  const facts: Fact[] = []
  const open = state.open.find(({ awaited }) => awaited === header.responseTo)
  if (open !== undefined) {
    const { fields, goesOn } = outcomeOf(input.subarray(0, head), header)
    const { tx } = open
    // Of an exhaust cursor's replies the first one is told.
    if (!open.isTold)
      facts.push({ kind: 'tx', tx, dir: 'reply', begin: at, fields, complete: true })
    open.isTold = true
    if (goesOn) open.awaited = header.requestId
    else {
      state.open = state.open.filter((other) => other !== open)
      facts.push({ kind: 'txEnd', tx, end })
    }
  }
  return pass(input, header, facts)
}

const NOTHING: Fields = {}

function outcomeOf(octets: Uint8Array, { opCode }: Header): { fields: Fields; goesOn: boolean } {
  const flags = u32le(new Reader(octets, HEADER_OCTETS))
  const end = octets.length
  if (opCode === OpCode.msg) {
    const fields = readOutcome({ octets, at: MSG_BODY, end })
    return { fields, goesOn: (flags & MORE_TO_COME) !== 0 }
  }
  if (opCode !== OpCode.reply) return { fields: NOTHING, goesOn: false }
  const fields = readOutcome({ octets, at: REPLY_BODY, end })
  const failed = (flags & QUERY_FAILURE) !== 0 && fields.status === 'ok'
  return { fields: failed ? { status: 'error', code: '' } : fields, goesOn: false }
}

/** The rest of the message is nobody's concern. */
function pass(input: Uint8Array, { octets }: Header, facts: readonly Fact[]): Step {
  const take = Math.min(input.length, octets)
  const left = octets - take
  const next: Next =
    left > 0 ? { kind: 'skip', octets: left } : { kind: 'need', octets: HEADER_OCTETS }
  return { take, facts, next }
}

export const mongodb: Parser<MongoState> = {
  app: 'mongodb',
  transport: ['tcp'],
  limits: {
    windowOctets: 16_384,
    stateOctets: STATE_OCTETS,
    openTx: OPEN_TX,
    probeOctets: PROBE_OCTETS,
  },
  begins: { reply: NO_OCTET },
  probe: probeMongo,
  open: openState,
  step,
  // Message headers have no mark to be found by.
  gap: () => ({ take: 0, facts: [], next: { kind: 'done' } }),
  refusal: ({ open }, tx) => {
    const [oldest] = open
    return oldest?.tx === tx ? unauthorized(oldest.awaited, oldest.answer) : null
  },
}
