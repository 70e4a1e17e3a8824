/** The notation of HTTP/2 frames in cases; test/fixtures/dpi/cases/README.md tells it. */
import { fromLatin1 } from '../../../../src/core/bytes.js'
import { PREFACE } from '../../../../src/dpd/dpi/http2/probe.js'

const TYPES =
  'DATA HEADERS PRIORITY RST_STREAM SETTINGS PUSH_PROMISE PING GOAWAY WINDOW_UPDATE CONTINUATION'.split(
    ' ',
  )
const FLAGS: Readonly<Record<string, number>> = {
  ack: 1,
  end_stream: 1,
  end_headers: 4,
  padded: 8,
  priority: 0x20,
}

const bigEndian = (value: number, octets: number): number[] =>
  Array.from({ length: octets }, (_, i) => Math.floor(value / 256 ** (octets - 1 - i)) % 256)

/** Lengths below 127, as in every case. */
const text = (value: string): number[] => [value.length, ...fromLatin1(value)]

/** A literal with a new name (RFC 7541 §6.2): indexed where the name begins with `+`. */
export function literal(field: string): number[] {
  const [, plus, name = '', value = ''] = /^(\+?)(:?[^:]*): ?(.*)$/.exec(field) ?? []
  return [plus === '+' ? 0x40 : 0, ...text(name), ...text(unescaped(value))]
}

const unescaped = (value: string): string =>
  value.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )

const fromHex = (text: string): number[] =>
  (text.replace(/[# ]/g, '').match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16))

function payloadOf(part: string): number[] {
  const [, setting, value] = /^([0-9]+)=([0-9]+)$/.exec(part) ?? []
  if (setting !== undefined)
    return [...bigEndian(Number(setting), 2), ...bigEndian(Number(value), 4)]
  if (part.startsWith('#')) return fromHex(part)
  if (part.startsWith('"')) return [...fromLatin1(part.slice(1, -1))]
  return literal(part)
}

export function frame(line: string): number[] {
  if (line === 'preface') return [...fromLatin1(PREFACE)]
  if (line.startsWith('#')) return fromHex(line)
  const [head = '', ...parts] = line.split(' | ')
  const [type = '', stream = '0', ...flags] = head.split(' ')
  const payload = parts.flatMap(payloadOf)
  const known = TYPES.indexOf(type)
  return [
    ...bigEndian(payload.length, 3),
    known < 0 ? Number(type) : known,
    flags.reduce((bits, flag) => bits | (FLAGS[flag] ?? Number(flag)), 0),
    ...bigEndian(Number(stream), 4),
    ...payload,
  ]
}

export const frames = (body: string): Uint8Array =>
  Uint8Array.from(
    body
      .split('\n')
      .filter((line) => line !== '')
      .flatMap(frame),
  )
