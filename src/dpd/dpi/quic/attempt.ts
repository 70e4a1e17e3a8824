/** One attempt at a connection: what a client's first Destination Connection ID makes readable. */
import type { At, TxId } from '../../../core/inspect/contract.js'
import { CryptoStream, type Message } from './crypto-stream.js'
import { readFrames } from './frames.js'
import { type InitialKeys, initialKeys, openPacket, type Side } from './keys.js'
import type { LongPacket } from './packet.js'

/** Of one hello: with large post-quantum key shares some 2 KiB are common. */
const HELLO_OCTETS = 16_384
/** Two of the client's, should the server ask for a second (RFC 8446 §4.1.4). */
const CLIENT_OCTETS = 2 * HELLO_OCTETS
/** A HelloRetryRequest and a ServerHello, with the largest key share. */
const SERVER_OCTETS = 8_192

/** One side's Initial packets. */
class Half {
  /** Octets of the stream before it are read messages. */
  readAt = 0
  readonly #stream: CryptoStream
  /** Versions may change under one connection ID (RFC 9368 §4). */
  readonly #keys = new Map<string, InitialKeys>()
  #expected = 0

  constructor(
    readonly side: Side,
    octets: number,
  ) {
    this.#stream = new CryptoStream(octets)
  }

  /** null = the packet is not of this attempt; else the clause that it violates, or ''. */
  read(dcid: string, datagram: Uint8Array, packet: LongPacket): string | null {
    const { version } = packet
    const keys = this.#keys.get(version.name) ?? initialKeys(version, dcid, this.side)
    this.#keys.set(version.name, keys)
    const opened = openPacket(keys, datagram, packet, this.#expected)
    if (opened === null) return null
    this.#expected = Math.max(this.#expected, opened.number + 1)
    return readFrames(opened.payload, this.#stream) ?? ''
  }

  message(): Message {
    return this.#stream.message(this.readAt, HELLO_OCTETS)
  }
}

export class Attempt {
  readonly client = new Half('client', CLIENT_OCTETS)
  readonly server = new Half('server', SERVER_OCTETS)
  /** Number of ClientHellos read; the first decides the transaction. */
  hellos = 0
  lasting = ''
  /** Its server's choice, by which the client calls it from then on. */
  serverCid: string | null = null

  constructor(
    readonly tx: TxId,
    /** Index of its first datagram. */
    readonly begin: At,
    /** The first packet's: its Destination Connection ID makes the keys. */
    readonly first: LongPacket,
  ) {}

  isCalled(dcid: string): boolean {
    return dcid === this.first.dcid || dcid === this.serverCid
  }
}
