/** AMQP 0-9-1: one transaction per method by which the client asks for something. Of AMQP 1.0 the version is told. */
import { Reader } from '../../../core/bytes.js'
import type { At, Dir, Fact, Next, Parser, Step, TxId } from '../../../core/inspect/contract.js'
import { anyOf, NO_OCTET } from '../begins.js'
import { type Place, readAnswer } from './answer.js'
import { type Connection, CURRENT_QUEUES, keepOpen, OPEN_TX, openConnection } from './connection.js'
import {
  FRAME_END,
  FRAME_HEADER_OCTETS,
  type Frame,
  METHOD,
  malformedHeader,
  readFrameHeader,
} from './frame.js'
import { CONNECTION, clientMethod, TUNE_OK } from './method.js'
import { PROBE_OCTETS, probeAmqp, VERSION_0_9_1, versionOf } from './probe.js'
import { refuse } from './refusal.js'
import { readRequest } from './request.js'

/** Class, method, and as much as three names and what precedes them: all that is read of a frame. */
const HEAD_OCTETS = 1_024
const METHOD_OCTETS = 4
/** Begins a protocol header, and no frame. */
const LETTER_A = 0x41
/** A name is at most 255 octets; an open transaction has some 8 numbers. */
const STATE_OCTETS = 288 * (CURRENT_QUEUES + 1) + 512 * OPEN_TX

interface Turn {
  readonly connection: Connection
  readonly dir: Dir
  readonly input: Uint8Array
  readonly at: At
}

const step = (take: number, facts: readonly Fact[], next: Next): Step => ({ take, facts, next })
const need = (octets: number): Step => step(0, [], { kind: 'need', octets })
const malformed = (clause: string): Step => step(0, [], { kind: 'malformed', clause })
const LENGTH = 'AMQP 0-9-1 §4.2.4 method frame'

function stepAmqp(connection: Connection, dir: Dir, input: Uint8Array, at: At): Step {
  if (input.length === 0) return need(1)
  if (connection.version === null) {
    return dir === 'orig' ? readVersion(connection, input) : step(0, [], { kind: 'await' })
  }
  if (connection.awaitsEnd[dir]) return readEnd(connection, dir, input)
  if (dir === 'reply' && input[0] === LETTER_A) return readOther(input)
  if (input.length < FRAME_HEADER_OCTETS) return need(FRAME_HEADER_OCTETS)
  const frame = readFrameHeader(new Reader(input))
  const clause = malformedHeader(frame, connection.frameMax)
  if (clause !== null) return malformed(clause)
  if (frame.channel > connection.channelMax) return malformed('AMQP 0-9-1 §1.4.2.6 channel-max')
  const turn = { connection, dir, input, at }
  return frame.type === METHOD ? readMethod(turn, frame) : pass(turn, frame, [])
}

function readVersion(connection: Connection, input: Uint8Array): Step {
  if (input.length < PROBE_OCTETS) return need(PROBE_OCTETS)
  const version = versionOf(input)
  if (version === undefined) return malformed('AMQP 0-9-1 §4.2.2 protocol header')
  connection.version = version
  const next: Next = version === VERSION_0_9_1 ? { kind: 'need', octets: 1 } : { kind: 'done' }
  return step(PROBE_OCTETS, [{ kind: 'flow', fields: { version } }], next)
}

/** A server that speaks another version says which, and closes (§4.2.2). */
function readOther(input: Uint8Array): Step {
  if (input.length < PROBE_OCTETS) return need(PROBE_OCTETS)
  return versionOf(input) === undefined
    ? malformed('AMQP 0-9-1 §4.2.3 frame type')
    : step(0, [], { kind: 'done' })
}

function readEnd(connection: Connection, dir: Dir, input: Uint8Array): Step {
  if (input[0] !== FRAME_END) return malformed('AMQP 0-9-1 §4.2.3 frame-end')
  connection.awaitsEnd[dir] = false
  return step(1, [], { kind: 'need', octets: 1 })
}

function readMethod(turn: Turn, frame: Frame): Step {
  const { dir, input } = turn
  if (frame.octets < METHOD_OCTETS) return malformed(LENGTH)
  const end = FRAME_HEADER_OCTETS + frame.octets
  // No argument that is read lies beyond the head.
  const wanted = Math.min(end, HEAD_OCTETS)
  const reader = new Reader(input, FRAME_HEADER_OCTETS, wanted)
  const ids = [reader.u16be(), reader.u16be()] as const
  if (reader.short) return need(FRAME_HEADER_OCTETS + METHOD_OCTETS)
  const clause = misplaced(turn, frame, ids[0])
  if (clause !== null) return malformed(clause)
  const facts = dir === 'orig' ? ask(turn, frame, ids, reader) : answer(turn, frame, ids, reader)
  if (typeof facts === 'string') return malformed(facts)
  if (!reader.short) return pass(turn, frame, facts)
  return input.length < wanted ? need(input.length + 1) : malformed(LENGTH)
}

/** Connection methods are channel 0's, and come first (§1.4.1). */
function misplaced({ connection, dir }: Turn, { channel }: Frame, classId: number): string | null {
  if ((classId === CONNECTION) !== (channel === 0)) return 'AMQP 0-9-1 §4.2.3 channel of a class'
  const isEarly = dir === 'orig' && !connection.opened && classId !== CONNECTION
  return isEarly ? 'AMQP 0-9-1 §1.4.1 a method before connection.open' : null
}

type Ids = readonly [classId: number, methodId: number]

function ask(turn: Turn, frame: Frame, [classId, methodId]: Ids, reader: Reader): Fact[] | string {
  const { connection, at } = turn
  const method = clientMethod(classId, methodId)
  if (method === null) return 'AMQP 0-9-1 §4.2.4 method of a client'
  if (method === 'silent') {
    if (classId === CONNECTION && methodId === TUNE_OK) tune(connection, reader)
    return []
  }
  const { fields, isSilent } = readRequest(connection, frame.channel, method, reader)
  if (reader.short) return []
  const tx = connection.nextTx++
  const facts: Fact[] = [{ kind: 'tx', tx, dir: 'orig', begin: at, fields, complete: true }]
  const open = { tx, channel: frame.channel, method }
  if (!isSilent) keepOpen(connection, open, facts)
  else {
    connection.unanswered = open
    facts.push({ kind: 'txEnd', tx, end: connection.replyAt })
  }
  return facts
}

/** 0 = no limit (§1.4.2.6). */
function tune(connection: Connection, reader: Reader): void {
  const channelMax = reader.u16be()
  const frameMax = reader.u32be()
  if (reader.short) return
  connection.channelMax = channelMax === 0 ? 0xffff : channelMax
  connection.frameMax = frameMax === 0 ? Number.POSITIVE_INFINITY : frameMax
}

function answer({ connection, at }: Turn, frame: Frame, ids: Ids, reader: Reader): Fact[] {
  const { channel, octets } = frame
  const place: Place = { channel, begin: at, end: at + FRAME_HEADER_OCTETS + octets + 1 }
  return readAnswer(connection, place, ids, reader)
}

/** Content and arguments that nothing asks for are skipped up to the frame-end. */
function pass({ connection, dir, input, at }: Turn, frame: Frame, facts: readonly Fact[]): Step {
  const end = FRAME_HEADER_OCTETS + frame.octets
  if (dir === 'reply') connection.replyAt = at + end + 1
  if (input.length > end) {
    return input[end] === FRAME_END
      ? step(end + 1, facts, { kind: 'need', octets: 1 })
      : step(0, facts, { kind: 'malformed', clause: 'AMQP 0-9-1 §4.2.3 frame-end' })
  }
  connection.awaitsEnd[dir] = true
  const rest = end - input.length
  const next: Next = rest > 0 ? { kind: 'skip', octets: rest } : { kind: 'need', octets: 1 }
  return step(input.length, facts, next)
}

export const amqp: Parser<Connection> = {
  app: 'amqp',
  transport: ['tcp'],
  limits: {
    windowOctets: HEAD_OCTETS,
    stateOctets: STATE_OCTETS,
    openTx: OPEN_TX,
    probeOctets: PROBE_OCTETS,
  },
  begins: { orig: anyOf('A'), reply: NO_OCTET },
  probe: probeAmqp,
  open: openConnection,
  step: stepAmqp,
  // Frames have no mark to find their beginning by: 0xCE is in content too.
  gap: () => step(0, [], { kind: 'done' }),
  refusal: (connection: Connection, tx: TxId) => refuse(connection, tx),
}
