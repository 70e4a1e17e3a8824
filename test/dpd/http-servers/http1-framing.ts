/** Spellings of what says where a request ends, by which recipients were set apart. */
import type { Random } from '../../fuzz/random.js'

export interface Draft {
  before: string
  method: string
  afterMethod: string
  target: string
  afterTarget: string
  version: string
  lineEnd: string
  fields: string[]
  headEnd: string
  body: string
  readonly path: string
}

export type Mutation = (draft: Draft, random: Random) => void

const value = (line: string, change: (value: string) => string): string =>
  line.replace(/(: ?)(.*)$/s, (_, colon: string, rest: string) => colon + change(rest))

/** Of a line that says where a message ends. */
export const FRAMING = [
  (line: string) => line.toUpperCase(),
  (line: string) => line.replace(':', ' :'),
  (line: string) => line.replace(':', '\t:'),
  (line: string) => line.replace(': ', ':'),
  (line: string) => line.replace(': ', ':\t'),
  (line: string) => line.replace(': ', ':\x0b'),
  (line: string) => line.replace(': ', ':\x0c'),
  (line: string) => line.replace(': ', ': \r\n '),
  (line: string) => line.replace(': ', ':\r\n\t'),
  (line: string) => line.replace('-', '_'),
  (line: string) => ` ${line}`,
  (line: string) => `X: y\n${line}`,
  (line: string) => `X: y\r${line}`,
  (line: string) => `X: y\0${line}`,
  (line: string) => `${line} `,
  (line: string) => `${line}\t`,
  (line: string) => `${line}\r`,
  (line: string) => `${line}\0`,
  (line: string) => `${line}\x0b`,
  (line: string) => `${line}\n`,
  (line: string) => `${line}, `,
  (line: string) => `${line},`,
  (line: string) => `${line};q=1`,
  (line: string) => `${line}\r\n${line}`,
  (line: string) => `${line}\r\n ${line}`,
  (line: string) => value(line, (v) => `,${v}`),
  (line: string) => value(line, (v) => `"${v}"`),
  (line: string) => value(line, (v) => `${v}, ${v}`),
  (line: string) => value(line, (v) => `identity, ${v}`),
  (line: string) => value(line, (v) => `${v}, identity`),
  (line: string) => value(line, (v) => `gzip, ${v}`),
  (line: string) => value(line, (v) => v.toUpperCase()),
  (line: string) => value(line, (v) => `+${v}`),
  (line: string) => value(line, (v) => `-${v}`),
  (line: string) => value(line, (v) => `0${v}`),
  (line: string) => value(line, (v) => `0x${v}`),
  (line: string) => value(line, (v) => `${v}.0`),
  (line: string) => value(line, (v) => `${v} ${v}`),
  (line: string) => value(line, (v) => `${v}e0`),
  (line: string) => value(line, (v) => `00000000000000000000000000${v}`),
  (line: string) => value(line, (v) => `18446744073709551616${v}`),
  (line: string) => value(line, (v) => `${Number(v) + 1}`),
  (line: string) => value(line, (v) => `${Math.max(Number(v) - 1, 0)}`),
  () => 'Content-Length: 18446744073709551620',
  () => 'Content-Length: 4294967300',
]

const chunkSize =
  (change: (size: string) => string): Mutation =>
  (draft) => {
    draft.body = draft.body.replace(/^[0-9a-f]+\r\n/, (size) => `${change(size.trim())}\r\n`)
  }
const inBody =
  (from: RegExp, to: string): Mutation =>
  (draft) => {
    draft.body = draft.body.replace(from, to)
  }

/** Of a chunked body. */
export const SIZES: readonly Mutation[] = [
  chunkSize((size) => ` ${size}`),
  chunkSize((size) => `${size} `),
  chunkSize((size) => `${size}\t`),
  chunkSize((size) => `+${size}`),
  chunkSize((size) => `-${size}`),
  chunkSize((size) => `0x${size}`),
  chunkSize((size) => `0${size}`),
  chunkSize((size) => `00000000000000000000${size}`),
  chunkSize((size) => `10000000000000000${size}`),
  chunkSize((size) => `1_${size}`),
  chunkSize((size) => `${size};a=b`),
  chunkSize((size) => `${size};a="b;\\"c"`),
  chunkSize((size) => `${size} ; a = b`),
  chunkSize((size) => `${size};a\n`),
  chunkSize((size) => `${size};a\nb`),
  chunkSize((size) => `${size};a\rb`),
  chunkSize((size) => `${size};\0`),
  chunkSize((size) => `${size}g`),
  chunkSize((size) => size.toUpperCase()),
  chunkSize((size) => `${size}\r`),
  chunkSize(() => ''),
  chunkSize(() => '0'),
  chunkSize(() => '00'),
  chunkSize(() => '1'),
  inBody(/\r\n/, '\n'),
  inBody(/\r\n0/, '0'),
  inBody(/\r\n0/, '\n0'),
  inBody(/\r\n0/, '\r\n\r\n0'),
  inBody(/0\r\n\r\n$/, '0\r\n'),
  inBody(/0\r\n\r\n$/, '0\n\n'),
  inBody(/0\r\n\r\n$/, '0\r\n\n'),
  inBody(/0\r\n\r\n$/, '000;x\r\n\r\n'),
  inBody(/0\r\n\r\n$/, '0\r\nX: y\r\n\r\n'),
  inBody(/0\r\n\r\n$/, '0\r\nContent-Length: 5\r\n\r\n'),
  inBody(/0\r\n\r\n$/, '0\r\nX\r\n\r\n'),
  inBody(/0\r\n\r\n$/, '0\r\n X: y\r\n\r\n'),
  inBody(/0\r\n\r\n$/, '0\r\nX: y\n\n'),
  inBody(/0\r\n\r\n$/, ''),
]
