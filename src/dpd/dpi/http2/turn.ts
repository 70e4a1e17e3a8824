/** One step of one direction: its octets, and how far they are used. */
import type { At, Dir, Fact, Next } from '../../../core/inspect/contract.js'
import type { Connection } from './connection.js'
import { FRAME_HEADER_OCTETS, type Frame } from './frame.js'

export interface Turn {
  readonly connection: Connection
  readonly dir: Dir
  readonly input: Uint8Array
  /** Of the first octet of `input`. */
  readonly at: At
  readonly facts: Fact[]
  used: number
}

export const malformed = (clause: string): Next => ({ kind: 'malformed', clause })

/** Where the frame that is next ends, in `input`. */
export const endOf = (turn: Turn, { octets }: Frame): number =>
  turn.used + FRAME_HEADER_OCTETS + octets

/** So many octets of the frame that is next, its header among them. */
export const has = (turn: Turn, octets: number): boolean => turn.input.length - turn.used >= octets
export const need = (octets: number): Next => ({ kind: 'need', octets })

/** The frame is done with; undefined = the next one may come. */
export function pass(turn: Turn, frame: Frame): Next | undefined {
  const end = endOf(turn, frame)
  if (turn.dir === 'reply') turn.connection.replyAt = turn.at + end
  if (end <= turn.input.length) {
    turn.used = end
    return undefined
  }
  turn.used += FRAME_HEADER_OCTETS
  return { kind: 'skip', octets: frame.octets }
}
