/** A parser of lines that does what they say, to drive the driver. */
import type { Dir, Next, Parser, Step } from '../../../src/core/inspect/contract.js'

const NEXTS: Readonly<Record<string, Next>> = {
  line: { kind: 'need', octets: 1 },
  skip: { kind: 'skip', octets: 10 },
  rest: { kind: 'skip', octets: 'toEnd' },
  await: { kind: 'await' },
  done: { kind: 'done' },
  bad: { kind: 'malformed', clause: 'RFC 0' },
  again: { kind: 'switch', app: null, from: { orig: 0, reply: 0 } },
  absent: { kind: 'switch', app: 'absent', from: { orig: 0, reply: 0 } },
  greedy: { kind: 'need', octets: 1_000 },
}

export interface LineState {
  lines: number
}

/** Says yes to `#`; each line is a transaction. */
export const lineParser: Parser<LineState> = {
  app: 'line',
  transport: ['tcp', 'udp'],
  limits: { windowOctets: 64, stateOctets: 64, openTx: 8, probeOctets: 4 },
  probe: ({ orig, reply }) => {
    const first = orig[0] ?? reply[0]
    if (first === undefined || orig[0] === 0x3f) return 'more'
    return first === 0x23 ? 'yes' : 'no'
  },
  open: () => ({ lines: 0 }),
  step: (state, dir, input, at): Step => {
    const end = input.indexOf(0x0a) + 1
    if (end === 0) return { take: 0, facts: [], next: { kind: 'need', octets: input.length + 1 } }
    const line = String.fromCharCode(...input.subarray(0, end - 1)).replace(/^#/, '')
    return obey(state, dir, line, end, at)
  },
  gap: (_, dir, at, octets) => ({
    take: 0,
    facts: [{ kind: 'flow', fields: { gap: `${dir} ${at} ${octets}` } }],
    next: { kind: 'need', octets: 1 },
  }),
  refusal: (_, tx) => {
    if (tx === 3) throw new Error('refusal')
    return { toOpener: Uint8Array.of(tx), then: 'close' }
  },
}

function obey(state: LineState, dir: Dir, line: string, end: number, at: number): Step {
  if (line === 'throw') throw new Error('thrown')
  if (line === 'steal') return { take: 1_000, facts: [], next: { kind: 'done' } }
  if (line === 'stall') return { take: 0, facts: [], next: { kind: 'need', octets: 1 } }
  const tx = state.lines++
  const next = NEXTS[line] ?? { kind: 'need', octets: 1 }
  return {
    take: next.kind === 'await' ? 0 : end,
    facts:
      next.kind === 'await'
        ? []
        : [{ kind: 'tx', tx, dir, begin: at, fields: { line }, complete: true }],
    next,
  }
}
