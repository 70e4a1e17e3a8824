/** Big endian. */
export const be = (value: number, octets: number): number[] =>
  Array.from({ length: octets }, (_, i) => Math.floor(value / 256 ** (octets - 1 - i)) % 256)

export const frame = (
  type: number,
  flags: number,
  stream: number,
  payload: readonly number[],
): number[] => [...be(payload.length, 3), type, flags, ...be(stream, 4), ...payload]
