/** Mutations that keep enough of the structure to get past the first check. */
import type { Send } from '../dpd/dpi/send.js'
import type { Conversation } from './conversation.js'
import type { Random } from './random.js'

const CONVERSATION_OCTETS = 65_536
const SENDS = 32
/** Ends and signs of integers, and the octets that grammars hang on. */
const ODD_OCTETS = [0x00, 0x01, 0x7f, 0x80, 0xc0, 0xff, 0x0d, 0x0a, 0x20, 0x09, 0x3a, 0x2c, 0x3b]

type Mutation = (octets: Uint8Array, random: Random, words: readonly Uint8Array[]) => Uint8Array

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function overwritten(octets: Uint8Array, at: number, value: readonly number[]): Uint8Array {
  const copy = octets.slice()
  value.forEach((octet, index) => {
    if (at + index < copy.length) copy[at + index] = octet
  })
  return copy
}

function range(octets: Uint8Array, random: Random): readonly [number, number] {
  const from = random.below(octets.length)
  return [from, from + 1 + random.below(Math.min(64, octets.length - from))]
}

const flipBit: Mutation = (octets, random) => {
  const at = random.below(octets.length)
  return overwritten(octets, at, [(octets[at] ?? 0) ^ (1 << random.below(8))])
}
const setOctet: Mutation = (octets, random) =>
  overwritten(octets, random.below(octets.length), [random.pick(ODD_OCTETS)])
const cut: Mutation = (octets, random) => {
  const [from, to] = range(octets, random)
  return joined(octets.subarray(0, from), octets.subarray(to))
}
const repeat: Mutation = (octets, random) => {
  const [from, to] = range(octets, random)
  const times = 1 + random.below(random.below(8) === 0 ? 200 : 3)
  const again = Array.from({ length: times }, () => octets.subarray(from, to))
  return joined(octets.subarray(0, to), ...again, octets.subarray(to))
}
const insertWord: Mutation = (octets, random, words) => {
  const at = random.below(octets.length + 1)
  return joined(octets.subarray(0, at), random.pick(words), octets.subarray(at))
}
/** A big-endian integer of 1 to 3 octets, off by a little or at its end. */
const setLength: Mutation = (octets, random) => {
  const width = 1 + random.below(3)
  const at = random.below(Math.max(1, octets.length - width))
  let value = 0
  for (let i = 0; i < width; i++) value = value * 256 + (octets[at + i] ?? 0)
  const end = 256 ** width - 1
  const changed = random.pick([value + 1, value - 1, value + 5, 0, end, octets.length - at - width])
  const bounded = Math.min(Math.max(changed, 0), end)
  return overwritten(
    octets,
    at,
    Array.from({ length: width }, (_, i) => Math.floor(bounded / 256 ** (width - 1 - i)) % 256),
  )
}
/** ASCII numbers: lengths and statuses of text protocols. */
const setDigit: Mutation = (octets, random) => {
  const digits = [...octets.keys()].filter((at) => isDigit(octets[at]))
  if (digits.length === 0) return octets
  return overwritten(octets, random.pick(digits), [0x30 + random.below(10)])
}
const truncate: Mutation = (octets, random) => octets.subarray(0, random.below(octets.length + 1))

const isDigit = (octet: number | undefined) => octet !== undefined && octet >= 0x30 && octet <= 0x39

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  setOctet,
  cut,
  repeat,
  insertWord,
  insertWord,
  setLength,
  setLength,
  setDigit,
  truncate,
]

export function mutate(
  seed: Conversation,
  others: readonly Conversation[],
  words: readonly Uint8Array[],
  random: Random,
): Conversation {
  let sends = [...seed.sends]
  const rounds = 1 + random.below(4)
  for (let round = 0; round < rounds; round++) {
    sends =
      random.below(5) === 0
        ? reordered(sends, random.pick(others), random)
        : sends.map((send, at) =>
            at === random.below(sends.length) && send.octets.length > 0
              ? { ...send, octets: random.pick(MUTATIONS)(send.octets, random, words) }
              : send,
          )
  }
  return { transport: seed.transport, sends: bounded(sends) }
}

/** Changes what is sent when, or takes a part of another conversation. */
function reordered(sends: readonly Send[], other: Conversation, random: Random): Send[] {
  const changed = [...sends]
  const at = random.below(changed.length)
  const send = changed[at]
  const foreign = other.sends[random.below(other.sends.length)]
  switch (random.below(5)) {
    case 0:
      changed.splice(at, 1)
      break
    case 1:
      if (send !== undefined) changed.splice(at, 0, send)
      break
    case 2:
      if (send !== undefined) changed[at] = { ...send, ended: !send.ended }
      break
    case 3:
      if (send !== undefined) changed.splice(random.below(at + 1), 0, ...changed.splice(at, 1))
      break
    default:
      if (foreign !== undefined) changed.splice(at, 0, foreign)
  }
  return changed
}

/** Nothing follows a direction's end, and an input stays small enough to be fast. */
export function bounded(sends: readonly Send[]): Send[] {
  const kept: Send[] = []
  const ended = { orig: false, reply: false }
  let octets = 0
  for (const send of sends.slice(0, SENDS)) {
    if (ended[send.dir]) continue
    octets += send.octets.length
    if (octets > CONVERSATION_OCTETS) break
    ended[send.dir] = send.ended
    kept.push(send)
  }
  return kept
}
