/** HTTP/2 in clear (RFC 9113), HPACK (RFC 7541), gRPC: one transaction per request stream. */
import { latin1, Reader } from '../../../core/bytes.js'
import type { At, Dir, Fact, Next, Parser, Step } from '../../../core/inspect/contract.js'
import { anyOf } from '../begins.js'
import { type Connection, closeStream, OPEN_STREAMS, openConnection } from './connection.js'
import {
  ACK,
  CONTINUATION,
  DATA,
  FRAME_HEADER_OCTETS,
  type Frame,
  GOAWAY,
  HEADERS,
  malformedHeader,
  PUSH_PROMISE,
  RST_STREAM,
  readFrameHeader,
  SETTINGS,
  STREAM_MASK,
} from './frame.js'
import { PREFACE, PROBE_OCTETS, probeHttp2 } from './probe.js'
import { refuse } from './refusal.js'
import { restoreConnection, saveConnection } from './rest.js'
import { acknowledge, readSettings } from './settings.js'
import { isIdle, readBlock, readData } from './streams.js'
import { malformed, need, pass, type Turn } from './turn.js'

const GOAWAY_OCTETS = 8

export function stepHttp2(connection: Connection, dir: Dir, input: Uint8Array, at: At): Step {
  const facts: Fact[] = []
  const turn: Turn = { connection, dir, input, at, facts, used: 0 }
  let next = dir === 'orig' && !connection.prefaced ? readPreface(turn) : undefined
  while (next === undefined) next = readFrame(turn)
  return { take: turn.used, facts, next }
}

function readPreface(turn: Turn): Next | undefined {
  const { input, connection } = turn
  if (!PREFACE.startsWith(latin1(input, 0, PREFACE.length)))
    return malformed('RFC 9113 §3.4 preface')
  // Not for all of it at once: where it goes wrong must not depend on how much came.
  if (input.length < PREFACE.length) return need(input.length + 1)
  turn.used = PREFACE.length
  connection.prefaced = true
  turn.facts.push({ kind: 'flow', fields: { version: 'HTTP/2' } })
  return undefined
}

function readFrame(turn: Turn): Next | undefined {
  const { connection, dir, input, used } = turn
  const left = input.length - used
  // Between frames nothing is asked of the engine.
  if (left < FRAME_HEADER_OCTETS) return need(left === 0 ? 1 : FRAME_HEADER_OCTETS)
  const frame = readFrameHeader(new Reader(input, used))
  const isSettings = frame.type === SETTINGS && (frame.flags & ACK) === 0
  if (!connection.settled[dir] && !isSettings) {
    return malformed('RFC 9113 §3.4 the first frame is not SETTINGS')
  }
  const clause = malformedHeader(frame, connection.frameLimit[dir])
  if (clause !== null) return malformed(clause)
  switch (frame.type) {
    case DATA:
      return readData(turn, frame)
    case HEADERS:
      return readBlock(turn, frame)
    case PUSH_PROMISE:
      return dir === 'reply' ? readBlock(turn, frame) : malformed('RFC 9113 §8.4 push of a client')
    case CONTINUATION:
      return malformed('RFC 9113 §6.10 CONTINUATION without a block')
    case SETTINGS:
    case RST_STREAM:
      return readWhole(turn, frame, frame.octets)
    case GOAWAY:
      return frame.octets < GOAWAY_OCTETS
        ? malformed('RFC 9113 §6.8 frame size')
        : readWhole(turn, frame, GOAWAY_OCTETS)
    default:
      // Of no meaning for requests, or unknown: these are ignored (RFC 9113 §5.5).
      return pass(turn, frame)
  }
}

/** Frames whose first `octets` of payload are read together. */
function readWhole(turn: Turn, frame: Frame, octets: number): Next | undefined {
  const { input, used } = turn
  const end = FRAME_HEADER_OCTETS + octets
  if (input.length - used < end) return need(end)
  const reader = new Reader(input, used + FRAME_HEADER_OCTETS, used + end)
  const { type, flags } = frame
  const { connection, dir } = turn
  if (type === SETTINGS) {
    const clause =
      flags & ACK
        ? acknowledge(connection, dir, octets)
        : readSettings(connection, dir, reader, octets)
    return clause === null ? pass(turn, frame) : malformed(clause)
  }
  if (type === RST_STREAM && isIdle(connection, frame.stream)) {
    return malformed('RFC 9113 §6.4 reset of an idle stream')
  }
  const next = pass(turn, frame)
  if (type === RST_STREAM) closeStream(connection, frame.stream, turn.facts)
  else if (dir === 'reply') abandon(turn, reader.u32be() & STREAM_MASK)
  return next
}

/** What the server will not look at (RFC 9113 §6.8). */
function abandon({ connection, facts }: Turn, last: number): void {
  for (const stream of connection.exchanges.keys()) {
    if (stream > last) closeStream(connection, stream, facts)
  }
}

export const http2: Parser<Connection> = {
  // Rules on HTTP are on both versions.
  app: 'http',
  transport: ['tcp'],
  limits: {
    // A field block with its CONTINUATIONs; DATA is never kept.
    windowOctets: 32_768,
    // Both header tables, and the streams.
    stateOctets: 393_216,
    openTx: OPEN_STREAMS,
    probeOctets: PROBE_OCTETS,
  },
  begins: { orig: anyOf('P'), reply: anyOf('\0') },
  probe: probeHttp2,
  open: openConnection,
  step: stepHttp2,
  // The header tables after a hole are anybody's guess.
  gap: () => ({ take: 0, facts: [], next: { kind: 'done' } }),
  refusal: refuse,
  rest: { save: saveConnection, restore: restoreConnection },
}
