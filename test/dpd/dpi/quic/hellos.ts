/** ClientHellos and ServerHellos for QUIC, and what a datagram of them is. */

import type { Send } from '../send.js'
import {
  alpn,
  clientHello,
  extension,
  serverHello,
  serverName,
  supportedVersions,
  u16,
} from '../tls/hello.js'
import { crypto, hex, type Initial, type Octets, sealInitial } from './seal.js'

export const CID = hex('0102030405060708')
export const CLIENT_CID = hex('c1c1')
export const SERVER_CID = hex('5e5e5e5e5e5e5e5e')

/** `filler` octets of an extension make it large, as key shares do. */
export const hello = (name: string, filler = 0): Octets =>
  clientHello([
    ...serverName(name),
    ...alpn('h3'),
    ...supportedVersions(0x0304),
    ...(filler > 0
      ? extension(
          0x1234,
          Array.from({ length: filler }, (_, i) => i & 0xff),
        )
      : []),
  ])
export const accepted = serverHello(extension(43, u16(0x0304)))
export const retryHello = serverHello(
  extension(43, u16(0x0304)),
  hex('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c'),
)

export const orig = (...packets: readonly Octets[]): Send => ({
  dir: 'orig',
  octets: Uint8Array.from(packets.flat()),
  ended: false,
})
export const reply = (...packets: readonly Octets[]): Send => ({
  ...orig(...packets),
  dir: 'reply',
})

/** A client's Initial packet that fills its datagram. */
export const initial = (frames: Octets, more: Partial<Initial> = {}): Octets =>
  sealInitial(frames, { keyCid: CID, scid: CLIENT_CID, octets: 1_200, ...more })
export const answer = (frames: Octets, more: Partial<Initial> = {}): Octets =>
  sealInitial(frames, {
    ...{ keyCid: CID, side: 'server', dcid: CLIENT_CID, scid: SERVER_CID },
    ...more,
  })

/** CRYPTO frames of `most` octets each. */
export function cryptoFrames(message: Octets, most: number, from = 0): Octets[] {
  const frames: Octets[] = []
  for (let at = 0; at < message.length; at += most) {
    frames.push(crypto(from + at, message.slice(at, at + most)))
  }
  return frames
}
