/**
 * WebSocket (RFC 6455), after the Upgrade that HTTP/1 has read: its transaction says path and protocol, and is
 * what rules judge. Frames are only told from anything else that an Upgrade could hide, up to the client's first.
 */
import { Reader } from '../../../core/bytes.js'
import type { At, Dir, Fact, Next, Parser, Step } from '../../../core/inspect/contract.js'
import { NO_OCTET } from '../begins.js'

const FIN = 0x80
/** RSV1 is permessage-deflate's (RFC 7692 §6); no extension has the others. */
const RSV1 = 0x40
const RSV_UNUSED = 0x30
const MASK = 0x80
const OPCODE = 0x0f
const CONTINUATION = 0
const TEXT = 1
const BINARY = 2
const CLOSE = 8
const PONG = 10
/** The payload length's short form ends here; of a control frame it is the longest. */
const SHORT_OCTETS = 125
const LENGTH_16 = 126
const KEY_OCTETS = 4
const HEADER_OCTETS_MAX = 14

interface Side {
  /** A message whose last frame has not come. */
  isFragmented: boolean
}
type State = Record<Dir, Side> & { isTold: boolean }

interface Header {
  readonly first: number
  readonly octets: number
  readonly isShortest: boolean
}

const malformed = (clause: string): Next => ({ kind: 'malformed', clause })

function step(state: State, dir: Dir, input: Uint8Array, _at: At): Step {
  const facts: Fact[] = []
  let take = 0
  for (;;) {
    const next = readFrame(state, dir, input, take, facts)
    if (typeof next !== 'number') return { take, facts, next }
    take = next
    // What a client then sends in frames is the application's.
    if (dir === 'orig') return { take, facts, next: { kind: 'done' } }
    const rest = take - input.length
    if (rest > 0) return { take: input.length, facts, next: { kind: 'skip', octets: rest } }
  }
}

/** One past the frame, or what is missing. */
function readFrame(
  state: State,
  dir: Dir,
  input: Uint8Array,
  from: number,
  facts: Fact[],
): number | Next {
  const reader = new Reader(input, from)
  const first = reader.u8()
  const second = reader.u8()
  const isMasked = (second & MASK) !== 0
  if (reader.short) return { kind: 'need', octets: 2 }
  if (isMasked !== (dir === 'orig')) return malformed('RFC 6455 §5.1 mask')
  const header = readLength(reader, first, second)
  if (isMasked) reader.skip(KEY_OCTETS)
  if (reader.short) {
    const octets = headerOctets(second)
    return { kind: 'need', octets }
  }
  const clause = violated(state[dir], header)
  if (clause !== null) return malformed(clause)
  tell(state, first, facts)
  const end = reader.at + header.octets
  return dir === 'orig' ? Math.min(end, input.length) : end
}

function headerOctets(second: number): number {
  const length = second & ~MASK
  const extended = length < LENGTH_16 ? 0 : length === LENGTH_16 ? 2 : 8
  return 2 + extended + (second & MASK ? KEY_OCTETS : 0)
}

/** RFC 6455 §5.2: the shortest form, and below 2^63. */
function readLength(reader: Reader, first: number, second: number): Header {
  const length = second & ~MASK
  if (length <= SHORT_OCTETS) return { first, octets: length, isShortest: true }
  if (length === LENGTH_16) {
    const octets = reader.u16be()
    return { first, octets, isShortest: octets > SHORT_OCTETS }
  }
  const octets = reader.u32be() * 2 ** 32 + reader.u32be()
  return { first, octets, isShortest: octets > 0xffff && octets <= Number.MAX_SAFE_INTEGER }
}

function violated(side: Side, { first, octets, isShortest }: Header): string | null {
  const opcode = first & OPCODE
  const isControl = opcode >= CLOSE
  if (first & RSV_UNUSED) return 'RFC 6455 §5.2 reserved bits'
  if (isControl ? opcode > PONG : opcode > BINARY) return 'RFC 6455 §5.2 opcode'
  if (!isShortest) return 'RFC 6455 §5.2 payload length'
  if (isControl) {
    const isRegular = (first & FIN) !== 0 && (first & RSV1) === 0 && octets <= SHORT_OCTETS
    return isRegular ? null : 'RFC 6455 §5.5 control frame'
  }
  if ((opcode === CONTINUATION) !== side.isFragmented) return 'RFC 6455 §5.4 fragmentation'
  side.isFragmented = (first & FIN) === 0
  return null
}

function tell(state: State, first: number, facts: Fact[]): void {
  const opcode = first & OPCODE
  if (state.isTold || (opcode !== TEXT && opcode !== BINARY)) return
  state.isTold = true
  facts.push({ kind: 'flow', fields: { content: opcode === TEXT ? 'text' : 'binary' } })
}

export const websocket: Parser<State> = {
  app: 'websocket',
  transport: ['tcp'],
  limits: {
    windowOctets: HEADER_OCTETS_MAX,
    stateOctets: 128,
    openTx: 0,
    probeOctets: 0,
  },
  // Frames of their own are too little to tell it by; HTTP/1 names it.
  begins: { orig: NO_OCTET, reply: NO_OCTET },
  probe: () => 'no',
  open: () => ({ orig: { isFragmented: false }, reply: { isFragmented: false }, isTold: false }),
  step,
  gap: () => ({ take: 0, facts: [], next: { kind: 'done' } }),
}
