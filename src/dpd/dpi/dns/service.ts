/** Service bindings (RFC 9460 §2): SVCB and HTTPS records. */
import { formatAddress } from '../../../core/address.js'
import { latin1, type Reader } from '../../../core/bytes.js'
import { readName } from './name.js'

/** Keys of RFC 9460 §14.3.2. */
const ALPN = 1
const PORT = 3
const IPV4_HINT = 4
const IPV6_HINT = 6

export interface Service {
  /** 0 = an alias of `target`. */
  readonly priority: number
  /** '.' = the owner itself. */
  readonly target: string
  readonly alpn: readonly string[]
  readonly port: number | null
  /** Where a client may connect without asking for the target's addresses. */
  readonly hints: readonly string[]
}

/** null = malformed: keys ascend, values are whole (RFC 9460 §2.2). */
export function readService(message: Uint8Array, rdata: Reader): Service | null {
  const priority = rdata.u16be()
  const target = readName(message, rdata)
  if (target === null) return null
  const alpn: string[] = []
  const hints: string[] = []
  let port: number | null = null
  let before = -1
  while (rdata.left > 0) {
    const key = rdata.u16be()
    const value = rdata.reader(rdata.u16be())
    if (rdata.short || key <= before) return null
    before = key
    if (key === ALPN) readProtocols(value, alpn)
    else if (key === PORT) port = value.u16be()
    else if (key === IPV4_HINT) readAddresses(value, 4, hints)
    else if (key === IPV6_HINT) readAddresses(value, 16, hints)
    if (value.short) return null
  }
  return rdata.short ? null : { priority, target, alpn, port, hints }
}

function readProtocols(value: Reader, alpn: string[]): void {
  while (value.left > 0) alpn.push(latin1(value.octets(value.u8())))
}

function readAddresses(value: Reader, octets: number, hints: string[]): void {
  while (value.left > 0) {
    const address = value.octets(octets)
    if (!value.short) hints.push(formatAddress(address))
  }
}

/** As a master file has it, as far as it is read. */
export function serviceText({ priority, target, alpn, port, hints }: Service): string {
  const words = [`${priority}`, target]
  if (alpn.length > 0) words.push(`alpn=${JSON.stringify(alpn.join(','))}`)
  if (port !== null) words.push(`port=${port}`)
  if (hints.length > 0) words.push(`hint=${hints.join(',')}`)
  return words.join(' ')
}
