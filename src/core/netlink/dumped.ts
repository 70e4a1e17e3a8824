/**
 * An object of one device, kept as the kernel told it and told back with only what it computes itself
 * left out: an attribute that we don't know survives.
 */
import { type Attribute, decodeAttributes, encodeAttributes } from './attribute.js'
import { joined, type Message, NLM_F_ACK, NLM_F_DUMP, type Request } from './message.js'

export const AF_INET = 2
export const AF_INET6 = 10

export interface Dumped {
  /** struct ifaddrmsg, rtmsg or ndmsg; its first octet is the address family. */
  readonly header: Uint8Array
  readonly attributes: readonly Attribute[]
}

/** Views of the message's octets. */
export function splitMessage(message: Message, headerOctets: number): Dumped {
  return {
    header: message.payload.subarray(0, headerOctets),
    attributes: decodeAttributes(message.payload.subarray(headerOctets)),
  }
}

export function requestOf(type: number, flags: number, dumped: Dumped, verb: string): Request {
  return {
    type,
    flags: flags | NLM_F_ACK,
    payload: joined(dumped.header, encodeAttributes(dumped.attributes)),
    subject: verb,
  }
}

export function dumpOf(type: number, header: Uint8Array, verb: string): Request {
  return { type, flags: NLM_F_DUMP, payload: header, subject: verb }
}

export function without(attributes: readonly Attribute[], types: readonly number[]): Attribute[] {
  return attributes.filter((attribute) => !types.includes(attribute.type))
}
