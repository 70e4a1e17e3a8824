/** Reads the Markdown cases of test/fixtures/dpi/cases; the format is in the README there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromLatin1 } from '../../../src/core/bytes.js'
import { root } from '../../root.js'
import { readCaptured } from './captured.js'
import { frames } from './http2/frames.js'
import { readRecorded } from './recorded.js'
import type { Send } from './send.js'

export interface ExpectedFact {
  readonly kind: 'tx' | 'txEnd' | 'flow'
  readonly tx: number
  readonly dir?: string
  readonly at?: number
  readonly fields: Readonly<Record<string, unknown>>
}

export interface Case {
  readonly name: string
  /** UDP where the name ends with `(udp)`. */
  readonly transport: 'tcp' | 'udp'
  readonly sends: readonly Send[]
  readonly facts: readonly ExpectedFact[]
  readonly app: string | null
  /** The state and, of malformed, the clause's beginning. */
  readonly state: string
  readonly clause: string
}

export function readCases(file: string): Case[] {
  const text = readFileSync(join(root, 'test/fixtures/dpi/cases', file), 'utf8')
  return text.split(/^## /m).slice(1).map(readCase)
}

function readCase(section: string): Case {
  const name = section.slice(0, section.indexOf('\n')).trim()
  const sends: Send[] = []
  let expected = ''
  for (const [, kind = '', body = ''] of section.matchAll(/^```(.+)\n([\s\S]*?)^```/gm)) {
    if (kind === 'expect') expected = body
    else if (kind.startsWith('recorded ')) sends.push(...readRecorded(kind.slice(9)))
    else if (kind.startsWith('captured ')) sends.push(...capturedSends(kind.slice(9)))
    else sends.push(readSend(kind, body))
  }
  const lines = expected.split('\n').filter((line) => line !== '')
  const [app = '', state = '', clause = ''] = (lines.shift() ?? '').split(/ (.*?)(?: (.*))?$/)
  return {
    name,
    transport: name.endsWith('(udp)') ? 'udp' : 'tcp',
    sends,
    facts: lines.map(readFact),
    app: app === '-' ? null : app,
    state,
    clause: clause ?? '',
  }
}

/** `folder/file [flow]`, flows counted from 0. */
function capturedSends(text: string): readonly Send[] {
  const [name = '', number = '0'] = text.split(' ')
  const flow = readCaptured(name)[Number(number)]
  if (flow === undefined) throw new Error(`${name}: there is no flow ${number}`)
  return flow.sends
}

function readSend(kind: string, body: string): Send {
  const [dir, encoding, end] = kind.split(' ')
  const octets =
    encoding === 'hex' ? fromHex(body) : encoding === 'frames' ? frames(body) : fromText(body)
  return {
    dir: dir === 'reply' ? 'reply' : 'orig',
    octets,
    ended: end === 'end' || encoding === 'end',
  }
}

/** Line breaks of the file are not octets: \r, \n, \t, \\ and \xHH are. */
function fromText(body: string): Uint8Array {
  const named: Record<string, string> = { r: '\r', n: '\n', t: '\t', '\\': '\\' }
  return fromLatin1(
    body
      .replaceAll('\n', '')
      .replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex: string | undefined, letter: string) =>
        hex === undefined
          ? (named[letter] ?? letter)
          : String.fromCharCode(Number.parseInt(hex, 16)),
      ),
  )
}

/** Octet pairs; what follows a # in a line is a remark. */
function fromHex(body: string): Uint8Array {
  const digits = body.replace(/#.*$/gm, '').replace(/\s+/g, '')
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

/** `tx 0 orig 0 {fields}`, `txEnd 0 41`, `flow {fields}`. */
function readFact(line: string): ExpectedFact {
  const brace = line.indexOf('{')
  const fields = brace < 0 ? {} : JSON.parse(line.slice(brace))
  const words = (brace < 0 ? line : line.slice(0, brace)).trim().split(' ')
  const [kind, tx] = words
  if (kind === 'txEnd') return { kind, tx: Number(tx), at: Number(words[2]), fields }
  if (kind === 'flow') return { kind, tx: 0, fields }
  return { kind: 'tx', tx: Number(tx), dir: words[2] ?? '', at: Number(words[3]), fields }
}
