/** Builds certificates' DER, right and wrong ones; nothing in them is signed. */
export type Octets = readonly number[]

export const text = (characters: string): Octets => [...Buffer.from(characters, 'utf8')]

export function der(tag: number, content: Octets): Octets {
  const { length } = content
  if (length < 0x80) return [tag, length, ...content]
  if (length < 0x100) return [tag, 0x81, length, ...content]
  return [tag, 0x82, length >> 8, length & 0xff, ...content]
}

const sequence = (...parts: readonly Octets[]): Octets => der(0x30, parts.flat())
const COMMON_NAME: Octets = [0x06, 3, 0x55, 0x04, 0x03]
const ORGANIZATION: Octets = [0x06, 3, 0x55, 0x04, 0x0a]
const SUBJECT_ALT_NAME: Octets = [0x06, 3, 0x55, 0x1d, 0x11]
const KEY_USAGE: Octets = [0x06, 3, 0x55, 0x1d, 0x0f]

const attribute = (type: Octets, value: Octets): Octets => der(0x31, sequence(type, value))
export const commonName = (name: string, tag = 0x0c): Octets =>
  attribute(COMMON_NAME, der(tag, text(name)))
export const dnsName = (name: string): Octets => der(0x82, text(name))
export const ipAddress = (...octets: Octets): Octets => der(0x87, octets)

export interface Parts {
  readonly subject?: Octets
  readonly names?: readonly Octets[]
  /** A v1 certificate has neither version nor extensions. */
  readonly isV1?: boolean
}

export function certificate({ subject = [], names = [], isV1 = false }: Parts): Octets {
  const organization = attribute(ORGANIZATION, der(0x13, text('Example')))
  const alternative = sequence(SUBJECT_ALT_NAME, [0x01, 1, 0xff], der(0x04, sequence(...names)))
  const usage = sequence(KEY_USAGE, der(0x04, [0x03, 2, 5, 0xa0]))
  return sequence(
    sequence(
      isV1 ? [] : der(0xa0, [0x02, 1, 2]),
      [0x02, 1, 7],
      sequence(),
      sequence(commonName('issuer.example')),
      sequence(),
      sequence(organization, subject),
      sequence(),
      isV1 ? [] : der(0xa3, sequence(usage, ...(names.length > 0 ? [alternative] : []))),
    ),
    sequence(),
    [0x03, 1, 0],
  )
}
