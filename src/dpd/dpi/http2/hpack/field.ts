/** A header field as decoded, once per table entry: what a request asks of it is known when it is made. */

/** What a field is to HTTP/2 itself; 0 = nothing. */
export const PSEUDO_METHOD = 1
export const PSEUDO_SCHEME = 2
export const PSEUDO_AUTHORITY = 3
export const PSEUDO_PATH = 4
export const PSEUDO_PROTOCOL = 5
export const PSEUDO_STATUS = 6
export const PSEUDO_OTHER = 7
export const HOST = 8
export const CONTENT_LENGTH = 9
export const CONTENT_TYPE = 10
export const TE = 11
/** Of HTTP/1 connections only (RFC 9113 §8.2.2). */
export const OF_CONNECTION = 12
export const GRPC_STATUS = 13

const ROLES: ReadonlyMap<string, number> = new Map([
  [':method', PSEUDO_METHOD],
  [':scheme', PSEUDO_SCHEME],
  [':authority', PSEUDO_AUTHORITY],
  [':path', PSEUDO_PATH],
  [':protocol', PSEUDO_PROTOCOL],
  [':status', PSEUDO_STATUS],
  ['host', HOST],
  ['content-length', CONTENT_LENGTH],
  ['content-type', CONTENT_TYPE],
  ['te', TE],
  ['connection', OF_CONNECTION],
  ['proxy-connection', OF_CONNECTION],
  ['keep-alive', OF_CONNECTION],
  ['transfer-encoding', OF_CONNECTION],
  ['upgrade', OF_CONNECTION],
  ['grpc-status', GRPC_STATUS],
])

/** RFC 9113 §8.2.1, and no wider than a token: what a gateway writes into HTTP/1 must be one. */
const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/
/** No control characters, no white space at the ends (RFC 9113 §8.2.1, RFC 9110 §5.5). */
const VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/

/** Octets of an entry besides name and value (RFC 7541 §4.1). */
const ENTRY_OVERHEAD = 32

export class HeaderField {
  constructor(
    readonly name: string,
    readonly value: string,
    readonly role: number,
    /** A recipient must not take a request that has it (RFC 9113 §8.2.1). */
    readonly isMalformed: boolean,
  ) {}

  /** RFC 7541 §4.1; names and values have one character per octet. */
  get size(): number {
    return this.name.length + this.value.length + ENTRY_OVERHEAD
  }

  get isPseudo(): boolean {
    return this.role >= PSEUDO_METHOD && this.role <= PSEUDO_OTHER
  }

  /** The same name, another value. */
  withValue(value: string): HeaderField {
    const isMalformed = this.isMalformedName || !VALUE.test(value)
    return new HeaderField(this.name, value, this.role, isMalformed)
  }

  private get isMalformedName(): boolean {
    return this.isMalformed && !NAME.test(this.name)
  }
}

export function headerField(name: string, value: string): HeaderField {
  const role = ROLES.get(name) ?? (name.startsWith(':') ? PSEUDO_OTHER : 0)
  return new HeaderField(name, value, role, !NAME.test(name) || !VALUE.test(value))
}
