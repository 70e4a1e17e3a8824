/** QUIC frames are mutated in clear: an altered packet would not open. */
import {
  accepted,
  answer,
  cryptoFrames,
  hello,
  initial,
  retryHello,
} from '../dpd/dpi/quic/hellos.js'
import { crypto, type Octets } from '../dpd/dpi/quic/seal.js'
import type { Send } from '../dpd/dpi/send.js'
import type { Conversation } from './conversation.js'

export const QUIC_FRAMES = 'quic-frames'
/** What a datagram of the common MTU takes. */
const FRAMES_OCTETS = 1_400

/** What goes through the parsers: of `quic-frames` each send is an Initial packet's frames, sealed only then. */
export function carried(target: string, { transport, sends }: Conversation): Conversation {
  if (target !== QUIC_FRAMES) return { transport, sends }
  const sealed = sends.map(({ dir, octets, ended }, number) => {
    const seal = dir === 'orig' ? initial : answer
    const frames = octets.subarray(0, FRAMES_OCTETS)
    return { dir, octets: Uint8Array.from(seal([...frames], { number })), ended }
  })
  return { transport: 'udp', sends: sealed }
}

export function framesSeeds(): readonly Conversation[] {
  const orig = (...frames: readonly Octets[]): Send => send('orig', frames.flat())
  const large = cryptoFrames(hello('big.example', 1_500), 500)
  const first = hello('a.example')
  return [
    [orig(crypto(0, first)), send('reply', crypto(0, accepted))],
    [orig(large[1] ?? [], [1, 0, 0]), orig(large[3] ?? [], large[0] ?? []), orig(large[2] ?? [])],
    [
      orig(crypto(0, first)),
      send('reply', [2, 0, 0, 0, 0, ...crypto(0, retryHello)]),
      orig(crypto(first.length, first)),
      send('reply', crypto(retryHello.length, accepted)),
    ],
  ].map((sends): Conversation => ({ transport: 'udp', sends }))
}

const send = (dir: Send['dir'], octets: Octets): Send => ({
  dir,
  octets: Uint8Array.from(octets),
  ended: false,
})
