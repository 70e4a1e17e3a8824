/** The text of a record's data as a master file has it (RFC 1035 §5, RFC 3597 §5). */
import { formatAddress } from '../../../core/address.js'
import { latin1, type Reader } from '../../../core/bytes.js'
import { RRType } from './code.js'
import { readName } from './name.js'

/** Of one record; the rest of a long TXT tells no more. */
const TEXT_CHARACTERS = 512

/** null = the data is not what its type says. */
export function rdataText(message: Uint8Array, type: number, rdata: Reader): string | null {
  switch (type) {
    case RRType.a:
      return address(rdata, 4)
    case RRType.aaaa:
      return address(rdata, 16)
    case RRType.ns:
    case RRType.cname:
    case RRType.ptr:
    case RRType.dname:
      return ended(rdata, readName(message, rdata))
    case RRType.mx:
      return ended(rdata, after(`${rdata.u16be()}`, readName(message, rdata)))
    case RRType.srv: {
      const numbers = `${rdata.u16be()} ${rdata.u16be()} ${rdata.u16be()}`
      return ended(rdata, after(numbers, readName(message, rdata)))
    }
    case RRType.txt:
      return characterStrings(rdata)
    default:
      return hexText(rdata)
  }
}

function address(rdata: Reader, count: number): string | null {
  const octets = rdata.octets(count)
  return rdata.short || rdata.left > 0 ? null : formatAddress(octets)
}

const ended = (rdata: Reader, text: string | null): string | null =>
  rdata.short || rdata.left > 0 ? null : text

const after = (numbers: string, name: string | null): string | null =>
  name === null ? null : `${numbers} ${name}`

function characterStrings(rdata: Reader): string | null {
  const strings: string[] = []
  while (rdata.left > 0) {
    const text = latin1(rdata.octets(rdata.u8()))
    if (rdata.short) return null
    strings.push(JSON.stringify(text))
  }
  return strings.join(' ').slice(0, TEXT_CHARACTERS)
}

function hexText(rdata: Reader): string {
  const octets = rdata.octets(rdata.left)
  const shown = octets.subarray(0, TEXT_CHARACTERS / 2)
  const hex = Array.from(shown, (octet) => octet.toString(16).padStart(2, '0')).join('')
  return octets.length === 0 ? '' : `\\# ${octets.length} ${hex}`
}
