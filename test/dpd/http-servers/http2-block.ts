/** Header blocks as an encoder that errs would write them (RFC 7541). */
import { fromLatin1 } from '../../../src/core/bytes.js'
import type { Random } from '../../fuzz/random.js'

export type Field = readonly [name: string, value: string]

/** Code and bits of the octets that are coded here (RFC 7541 Appendix B). */
const CODES: Readonly<Record<string, readonly [code: number, bits: number]>> = {
  ...{ '0': [0, 5], '1': [1, 5], '2': [2, 5], a: [3, 5], c: [4, 5], e: [5, 5], i: [6, 5] },
  ...{
    o: [7, 5],
    s: [8, 5],
    t: [9, 5],
    '.': [0x17, 6],
    '/': [0x18, 6],
    r: [0x2c, 6],
    x: [0x79, 7],
  },
}
/** Of the static table, by name. */
const STATIC: Readonly<Record<string, number>> = {
  ...{ ':authority': 1, ':method': 2, ':path': 4, ':scheme': 6, 'content-length': 28, host: 38 },
}
const INDEXED: Readonly<Record<string, number>> = {
  ...{ ':method GET': 2, ':method POST': 3, ':path /': 4, ':scheme http': 6, ':scheme https': 7 },
}

export function integer(value: number, bits: number, first: number): number[] {
  const mask = 2 ** bits - 1
  if (value < mask) return [first | value]
  const octets = [first | mask]
  let left = value - mask
  for (; left >= 128; left = Math.floor(left / 128)) octets.push((left % 128) | 0x80)
  return [...octets, left]
}

function huffman(text: string, padding: string): number[] | null {
  let bits = ''
  for (const character of text) {
    const code = CODES[character]
    if (code === undefined) return null
    bits += code[0].toString(2).padStart(code[1], '0')
  }
  bits += padding.slice(0, (8 - (bits.length % 8)) % 8) + padding.slice(8)
  return (bits.match(/.{8}/g) ?? []).map((octet) => Number.parseInt(octet, 2))
}

function text(value: string, random: Random, isOdd: boolean): number[] {
  const padding = isOdd ? random.pick(['00000000', '1111111111111111', '11111111']) : '11111111'
  const coded = random.below(3) === 0 ? huffman(value, padding) : null
  if (coded !== null) return [...integer(coded.length, 7, 0x80), ...coded]
  return [...integer(value.length, 7, 0), ...fromLatin1(value)]
}

/** `isOdd`: it may err. */
export function encoded(fields: readonly Field[], random: Random, isOdd: boolean): number[] {
  const block: number[] = isOdd ? [...random.pick(BEFORE)] : []
  for (const [name, value] of fields) {
    const whole = INDEXED[`${name} ${value}`]
    if (whole !== undefined && random.below(2) === 0) {
      block.push(0x80 | whole)
      continue
    }
    const index = random.below(2) === 0 ? STATIC[name] : undefined
    const [bits, first] = random.pick([
      [4, 0],
      [6, 0x40],
      [4, 0x10],
    ] as const)
    if (index !== undefined) block.push(...integer(index, bits, first))
    else block.push(first, ...text(name, random, isOdd))
    block.push(...text(value, random, isOdd))
    if (isOdd && random.below(8) === 0) block.push(...random.pick(BETWEEN))
  }
  return block
}

/** Size updates: none, less, all, more than is allowed, twice, three times; overlong integers. */
const BEFORE = [
  [],
  [],
  [0x20],
  [0x3f, 0xe1, 0x1f],
  [0x3f, 0xe2, 0x1f],
  [0x3f, 0xe1, 0x3f],
  [0x20, 0x3f, 0xe1, 0x1f],
  [0x20, 0x20, 0x3f, 0xe1, 0x1f],
  [0x3f, 0x80, 0x80, 0x80, 0x00],
  [0x3f, 0xff, 0xff, 0xff, 0xff, 0x0f],
] as const
/** Indices: 0, of the newest entries, of none; a size update late. */
const BETWEEN = [
  [0x80],
  [0xbe],
  [0xbf],
  [0xc0],
  [0xff, 0x80, 0x01],
  [0x20],
  [0x40],
  [0xff, 0x80, 0x80, 0x80, 0x00],
] as const
