/** By what a TLS server went on, and what of it was not told. */
import { registry } from '../../../../src/dpd/dpi/registry.js'
import { Inspection } from '../../../../src/dpd/dpi/stream.js'
import { viewOf } from '../deliver.js'

export interface Chosen {
  /** What its callback was given; '' = none. */
  readonly name: string
  readonly protocols: readonly string[]
}

const HANDSHAKE = 22
const SERVER_HELLO = 2
const RETRY = Buffer.from('cf21ad74', 'hex')
const SUPPORTED_VERSIONS = 43

/** Of the ServerHello among a server's octets; null = it did not go on. */
export function negotiated(reply: Buffer): number | null {
  for (let at = 0; at + 5 <= reply.length; at += 5 + reply.readUInt16BE(at + 3)) {
    const hello = reply.subarray(at + 5, at + 5 + reply.readUInt16BE(at + 3))
    if (reply[at] !== HANDSHAKE || hello[0] !== SERVER_HELLO) continue
    if (!hello.subarray(6, 10).equals(RETRY)) return versionOf(hello)
  }
  return null
}

function versionOf(hello: Buffer): number {
  const end = 4 + hello.readUIntBE(1, 3)
  let at = 4 + 2 + 32
  at += 1 + (hello[at] ?? 0) + 3 + 2
  while (at + 4 <= end) {
    if (hello.readUInt16BE(at) === SUPPORTED_VERSIONS) return hello.readUInt16BE(at + 4)
    at += 4 + hello.readUInt16BE(at + 2)
  }
  return hello.readUInt16BE(4)
}

const NAMES: Readonly<Record<string, number>> = {
  ...{ 'SSL 3.0': 0x0300, '1.0': 0x0301, '1.1': 0x0302, '1.2': 0x0303, '1.3': 0x0304 },
}

/** '' = all was told, or the flow is malformed. */
export function untoldChoice(octets: Uint8Array, chosen: Chosen, version: number | null): string {
  const inspection = new Inspection(viewOf('tcp'), registry)
  const { facts } = inspection.octets('orig', 0, octets, false)
  if (version === null || inspection.state === 'malformed') return ''
  if (inspection.app !== 'tls') return `app ${inspection.app}`
  const fields = facts.flatMap(({ fact }) =>
    fact.kind === 'tx' && fact.dir === 'orig' ? [fact.fields] : [],
  )[0]
  if (fields === undefined) return 'nothing told'
  const { sni = '', alpn = [], maxVersion, ambiguous } = fields
  const unsure = Array.isArray(ambiguous) ? ambiguous : []
  const missing: string[] = []
  if (chosen.name.toLowerCase().replace(/\.$/, '') !== sni)
    missing.push(`sni ${sni}: ${chosen.name}`)
  if (JSON.stringify(alpn) !== JSON.stringify(chosen.protocols))
    missing.push(`alpn ${JSON.stringify(alpn)}: ${JSON.stringify(chosen.protocols)}`)
  const most = NAMES[String(maxVersion)] ?? 0
  if (!unsure.includes('maxVersion') && version > most)
    missing.push(`version ${maxVersion}: ${version.toString(16)}`)
  return missing.join(', ')
}
