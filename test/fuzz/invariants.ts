/** What holds for every input. */
import type { Parser } from '../../src/core/inspect/contract.js'
import { registry } from '../../src/dpd/dpi/registry.js'
import { Inspection } from '../../src/dpd/dpi/stream.js'
import { type Delivered, deliver, octetByOctet, rested, viewOf } from '../dpd/dpi/deliver.js'
import type { Conversation } from './conversation.js'
import type { Random } from './random.js'
import { cpuMs } from './spent.js'

const INPUT_MS = 10
/** The garbage collector is no slow parser: only what is slow each time is. */
const TIMED_RUNS = 5
const OCTET_BY_OCTET = 2_048

interface Watched {
  readonly parser: Parser<unknown>
  readonly states: unknown[]
  /** What the steps asked for: `reply await`, `orig switch`… */
  readonly asked: Set<string>
}

/** null = all hold, else the one that does not. */
export function broken(conversation: Conversation, random: Random): string | null {
  const { sends, transport } = conversation
  const watched = registry.map(watch)
  const parsers = watched.map(({ parser }) => parser)
  const whole = deliver(sends, transport, undefined, parsers)
  if (whole.parserFault) return `parser fault: ${whole.clause}`
  const atRest = deliver(sends, transport, undefined, registry, rested)
  if (told(whole) !== told(atRest)) {
    return `facts differ where the flow was put to rest: ${told(whole)} against ${told(atRest)}`
  }
  if (transport === 'tcp') {
    const octets = sends.reduce((sum, send) => sum + send.octets.length, 0)
    const single = octets <= OCTET_BY_OCTET && random.below(8) === 0
    const pieces = single ? octetByOctet : (send: Uint8Array) => randomCut(send, random)
    const cut = deliver(sends, transport, pieces, parsers)
    if (told(whole) !== told(cut) && !switchedBeforeRequest(watched)) {
      return `facts differ under chunking: ${told(whole)} against ${told(cut)}`
    }
  }
  return fattest(watched) ?? withGap(conversation, random) ?? slow(conversation)
}

const told = ({ app, state, clause, facts }: Delivered): string =>
  JSON.stringify([app, state, clause, facts])

/**
 * A server that accepts a tunnel before it was asked for, and speaks in it: what the opener sent after
 * its request is earlier or later than that by nothing but the cut.
 */
function switchedBeforeRequest(watched: readonly Watched[]): boolean {
  return watched.some(
    ({ asked }) =>
      asked.has('reply await') && (asked.has('reply switch') || asked.has('orig switch')),
  )
}

/** Keeps each state that the parser opens and what its steps ask for. */
function watch(parser: Parser<unknown>): Watched {
  const states: unknown[] = []
  const asked = new Set<string>()
  return {
    states,
    asked,
    parser: {
      ...parser,
      step: (state, dir, input, at, ended) => {
        const step = parser.step(state, dir, input, at, ended)
        asked.add(`${dir} ${step.next.kind}`)
        return step
      },
      open: (view) => {
        const state = parser.open(view)
        states.push(state)
        return state
      },
    },
  }
}

function fattest(watched: readonly Watched[]): string | null {
  for (const { parser, states } of watched) {
    for (const state of states) {
      const octets = octetsOf(state)
      if (octets > parser.limits.stateOctets) return `${parser.app} keeps ${octets} octets of state`
    }
  }
  return null
}

/** Of what a state refers to, roughly: characters, array octets, 8 for any other value. */
function octetsOf(value: unknown, seen = new Set<unknown>()): number {
  if (typeof value === 'string') return value.length
  if (value instanceof Uint8Array) return value.buffer.byteLength
  if (typeof value !== 'object' || value === null || seen.has(value)) return 8
  seen.add(value)
  const parts = value instanceof Map ? [...value].flat() : Object.values(value)
  return parts.reduce((sum: number, part) => sum + octetsOf(part, seen), 8)
}

function randomCut(octets: Uint8Array, random: Random): Uint8Array[] {
  const pieces: Uint8Array[] = []
  const most = random.pick([2, 16, 300, 4_000])
  let at = 0
  do {
    const piece = octets.subarray(at, at + 1 + random.below(most))
    pieces.push(piece)
    at += piece.length
  } while (at < octets.length)
  return pieces
}

/** Loses a part of one send: whatever comes out, nothing throws. */
function withGap({ sends, transport }: Conversation, random: Random): string | null {
  if (transport === 'udp' || sends.length === 0 || random.below(4) > 0) return null
  const inspection = new Inspection(viewOf(transport), registry)
  const at = { orig: 0, reply: 0 }
  const lossy = random.below(sends.length)
  for (const [index, { dir, octets, ended }] of sends.entries()) {
    const lost = index === lossy ? random.below(octets.length + 1) : 0
    const outcomes = [
      ...(lost > 0 ? [inspection.gap(dir, at[dir], lost)] : []),
      inspection.octets(dir, at[dir] + lost, octets.subarray(lost), ended),
    ]
    if (outcomes.some((outcome) => outcome.parserFault)) return 'parser fault after a gap'
    at[dir] += octets.length
  }
  return null
}

function slow({ sends, transport }: Conversation): string | null {
  let fastest = Number.POSITIVE_INFINITY
  for (let run = 0; run < TIMED_RUNS && fastest > INPUT_MS; run++) {
    const started = cpuMs()
    deliver(sends, transport)
    fastest = Math.min(fastest, cpuMs() - started)
  }
  return fastest > INPUT_MS ? `took ${fastest.toFixed(1)} ms` : null
}
