import { fromLatin1 } from '../../../core/bytes.js'
import type { Refusal } from '../../../core/inspect/contract.js'
import { BsonType } from './bson.js'
import type { Answer } from './request.js'
import { OpCode } from './wire.js'

const TEXT = 'denied by network policy'
/** error_codes.yml */
const UNAUTHORIZED = 13
/** responseFlags of OP_REPLY. */
const QUERY_FAILURE = 2
const AWAIT_CAPABLE = 8

/** Unauthorized, in the op code that the request's driver reads. */
export function unauthorized(requestId: number, answer: Answer): Refusal | null {
  if (answer === 'none') return null
  const isMsg = answer === 'OP_MSG'
  const isQuery = answer === 'OP_REPLY of a query'
  const document = bson([
    ...(isQuery ? [string('$err', TEXT)] : [double('ok', 0), string('errmsg', TEXT)]),
    int32('code', UNAUTHORIZED),
    ...(isQuery ? [] : [string('codeName', 'Unauthorized')]),
  ])
  const flags = isQuery ? QUERY_FAILURE : AWAIT_CAPABLE
  // flagBits and a section of kind 0; or responseFlags, cursorID, startingFrom, numberReturned.
  const head = isMsg
    ? [...le32(0), 0]
    : [...le32(flags), ...le32(0), ...le32(0), ...le32(0), ...le32(1)]
  const body = [...head, ...document]
  const opCode = isMsg ? OpCode.msg : OpCode.reply
  const header = [16 + body.length, 0, requestId, opCode].flatMap(le32)
  return { toOpener: Uint8Array.from([...header, ...body]), then: 'close' }
}

const bson = (elements: readonly (readonly number[])[]): number[] => {
  const body = [...elements.flat(), 0]
  return [...le32(4 + body.length), ...body]
}
const element = (type: number, name: string, value: readonly number[]): number[] => [
  ...[type, ...fromLatin1(name), 0],
  ...value,
]
const string = (name: string, text: string): number[] =>
  element(BsonType.string, name, [...le32(text.length + 1), ...fromLatin1(text), 0])
const int32 = (name: string, value: number): number[] => element(BsonType.int32, name, le32(value))
const double = (name: string, value: number): number[] =>
  element(BsonType.double, name, [...new Uint8Array(Float64Array.of(value).buffer)])
const le32 = (value: number): number[] => [
  ...[value & 0xff, (value >>> 8) & 0xff],
  ...[(value >>> 16) & 0xff, value >>> 24],
]
