/** Messages of the MongoDB wire protocol, built from their parts. */
const le = (width: number, value: number): number[] =>
  Array.from({ length: width }, (_, i) => Math.floor(value / 256 ** i) & 0xff)
const text = (value: string): number[] => [...Buffer.from(value, 'latin1')]
export const le32 = (value: number): number[] => le(4, value)
export const cstring = (value: string): number[] => [...text(value), 0]

type Value = string | number | Value[] | { readonly [name: string]: Value }

/** Strings, doubles as int32, arrays and documents. */
export function bson(document: { readonly [name: string]: Value }): number[] {
  const body = Object.entries(document).flatMap(([name, value]) => element(name, value))
  return [...le32(body.length + 5), ...body, 0]
}

function element(name: string, value: Value): number[] {
  if (typeof value === 'number') return [16, ...cstring(name), ...le32(value)]
  if (typeof value === 'string') {
    return [2, ...cstring(name), ...le32(value.length + 1), ...cstring(value)]
  }
  if (Array.isArray(value))
    return [4, ...cstring(name), ...bson(Object.fromEntries(value.entries()))]
  return [3, ...cstring(name), ...bson(value)]
}

export function message(
  opCode: number,
  body: readonly number[],
  id = 1,
  responseTo = 0,
): Uint8Array {
  return Uint8Array.from([...[16 + body.length, id, responseTo, opCode].flatMap(le32), ...body])
}

/** OP_MSG with one section of kind 0. */
export const opMsg = (
  document: { readonly [name: string]: Value },
  { flags = 0, id = 1, responseTo = 0 } = {},
): Uint8Array => message(2013, [...le32(flags), 0, ...bson(document)], id, responseTo)
