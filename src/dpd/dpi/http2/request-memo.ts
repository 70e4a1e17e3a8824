/**
 * The request before: a client of gRPC sends the same few indices again and again, and with an unchanged table
 * they mean the same. Their fields are then not made anew either.
 */
import type { HeaderField } from './hpack/field.js'
import type { Request } from './request.js'

/** Longer ones hold literals, which differ. */
const BLOCK_OCTETS = 64

export interface DecodedRequest {
  readonly list: readonly HeaderField[]
  readonly request: Request
}

export class RequestMemo {
  private readonly block = new Uint8Array(BLOCK_OCTETS)
  private length = -1
  /** What else the reading hangs on. */
  private key = -1
  private decoded: DecodedRequest | null = null

  find(octets: Uint8Array, from: number, to: number, key: number): DecodedRequest | null {
    if (this.length !== to - from || this.key !== key) return null
    for (let i = 0; i < this.length; i++) {
      if (this.block[i] !== octets[from + i]) return null
    }
    return this.decoded
  }

  /** Of a block that left the table as it was. */
  keep(octets: Uint8Array, from: number, to: number, key: number, decoded: DecodedRequest): void {
    if (to - from > BLOCK_OCTETS) return
    this.length = to - from
    this.key = key
    this.decoded = decoded
    for (let i = 0; i < this.length; i++) this.block[i] = octets[from + i] ?? 0
  }
}
