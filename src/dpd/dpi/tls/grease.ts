/** RFC 8701 §2: values of the form 0x?a?a stand for nothing, in ciphers, extensions, groups and versions. */
export const isGrease = (value: number): boolean =>
  (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff)

export const withoutGrease = (values: readonly number[]): readonly number[] =>
  values.some(isGrease) ? values.filter((value) => !isGrease(value)) : values
