/** What a DNS server answered, by a reader of its own, and what of that was not told. */

import { registry } from '../../../../src/dpd/dpi/registry.js'
import { Inspection } from '../../../../src/dpd/dpi/stream.js'
import { viewOf } from '../deliver.js'

export interface Answered {
  /** As in a master file. */
  readonly name: string
  readonly type: number
}

const NOERROR = 0
const NXDOMAIN = 3

/** The question that a reply answers; null = it refuses, or there is none. */
export function answered(reply: Buffer): Answered | null {
  if (reply.length < 12) return null
  const rcode = reply.readUInt8(3) & 0xf
  if ((rcode !== NOERROR && rcode !== NXDOMAIN) || reply.readUInt16BE(4) === 0) return null
  // BADVERS is told by the OPT record alone.
  const isAuthoritative = (reply.readUInt8(2) & 4) !== 0
  if (rcode === NOERROR && reply.readUInt16BE(6) === 0 && !isAuthoritative) return null
  const labels: string[] = []
  let at = 12
  let after = -1
  for (let hops = 0; hops < 128; hops++) {
    const length = reply[at] ?? 0
    if (length === 0) {
      const end = after < 0 ? at + 1 : after
      if (end + 2 > reply.length) return null
      return { name: labels.join('.') || '.', type: reply.readUInt16BE(end) }
    }
    if (length >= 0xc0) {
      if (after < 0) after = at + 2
      at = reply.readUInt16BE(at) & 0x3fff
      continue
    }
    labels.push(escaped(reply.subarray(at + 1, at + 1 + length)))
    at += 1 + length
  }
  return null
}

const escaped = (label: Buffer): string =>
  Array.from(label, (octet) => {
    const letter = String.fromCharCode(octet).toLowerCase()
    if (letter === '.' || letter === '\\') return `\\${letter}`
    return octet > 0x20 && octet < 0x7f ? letter : `\\${String(octet).padStart(3, '0')}`
  }).join('')

const TYPES: Readonly<Record<number, string>> = {
  ...{ 1: 'A', 5: 'CNAME', 6: 'SOA', 15: 'MX', 16: 'TXT', 28: 'AAAA', 41: 'OPT', 65: 'HTTPS' },
  ...{
    250: 'TSIG',
    251: 'IXFR',
    252: 'AXFR',
    255: 'ANY',
    2: 'NS',
    12: 'PTR',
    33: 'SRV',
    64: 'SVCB',
    10: 'NULL',
    13: 'HINFO',
  },
}

/** '' = each was, or what was told lets nothing of it by. In order. */
export function untoldAnswer(
  transport: 'tcp' | 'udp',
  octets: Uint8Array,
  did: readonly Answered[],
): string {
  const inspection = new Inspection(viewOf(transport), registry)
  const { facts } = inspection.octets('orig', 0, octets, transport === 'tcp')
  if (did.length === 0) return ''
  if (inspection.app !== 'dns') return `app ${inspection.app}`
  if (inspection.state === 'malformed') return ''
  const told = facts.flatMap(({ fact }) =>
    fact.kind === 'tx' && fact.dir === 'orig' ? [fact] : [],
  )
  let at = 0
  for (const { name, type } of did) {
    const spelled = TYPES[type] ?? `TYPE${type}`
    const found = told.findIndex(({ fields: { names, types, malformed } }, index) => {
      if (index < at) return false
      const isTold = Array.isArray(names) && names.includes(name)
      return malformed === true || (isTold && Array.isArray(types) && types.includes(spelled))
    })
    if (found < 0) return `${name} ${spelled}`
    at = found + 1
  }
  return ''
}
