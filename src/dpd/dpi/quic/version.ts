/** What differs between the versions whose Initial packets can be read (RFC 9000, RFC 9001 §5.2; RFC 9369 §3). */

export interface QuicVersion {
  readonly name: string
  /** Of Initial keys. */
  readonly salt: Uint8Array
  readonly labels: { readonly key: string; readonly iv: string; readonly hp: string }
  /** By the two type bits of a long header. */
  readonly types: readonly PacketType[]
}
export type PacketType = 'initial' | '0-rtt' | 'handshake' | 'retry'

const octets = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

const VERSIONS: ReadonlyMap<number, QuicVersion> = new Map([
  [
    0x00000001,
    {
      name: '1',
      salt: octets('38762cf7f55934b34d179ae6a4c80cadccbb7f0a'),
      labels: { key: 'quic key', iv: 'quic iv', hp: 'quic hp' },
      types: ['initial', '0-rtt', 'handshake', 'retry'],
    },
  ],
  [
    0x6b3343cf,
    {
      name: '2',
      salt: octets('0dede3def700a6db819381be6e269dcbf9bd2ed9'),
      labels: { key: 'quicv2 key', iv: 'quicv2 iv', hp: 'quicv2 hp' },
      types: ['retry', 'initial', '0-rtt', 'handshake'],
    },
  ],
])

export const knownVersion = (version: number): QuicVersion | undefined => VERSIONS.get(version)

/** 0x?a?a?a?a: a client that offers it asks which versions there are (RFC 9000 §15). */
export const isReserved = (version: number): boolean => (version & 0x0f0f0f0f) === 0x0a0a0a0a

export const versionText = (version: number): string =>
  knownVersion(version)?.name ?? `0x${version.toString(16).padStart(8, '0')}`
