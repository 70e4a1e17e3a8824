/** One flow's octets as a fuzz input, and its text form: `tcp` or `udp`, then lines as recorded. */
import type { Send } from '../dpd/dpi/send.js'

export interface Conversation {
  readonly transport: 'tcp' | 'udp'
  readonly sends: readonly Send[]
}

export function writeConversation({ transport, sends }: Conversation): string {
  const lines = sends.flatMap(({ dir, octets, ended }) => [
    ...(octets.length > 0 || !ended ? [`${dir} ${Buffer.from(octets).toString('hex')}`] : []),
    ...(ended ? [`${dir} end`] : []),
  ])
  return `${[transport, ...lines].join('\n')}\n`
}

export function readConversation(text: string): Conversation {
  const [transport, ...lines] = text.trimEnd().split('\n')
  const sends = lines.map((line): Send => {
    const [dir, hex = ''] = line.split(' ')
    const ended = hex === 'end'
    const octets = new Uint8Array(Buffer.from(ended ? '' : hex, 'hex'))
    return { dir: dir === 'reply' ? 'reply' : 'orig', octets, ended }
  })
  return { transport: transport === 'udp' ? 'udp' : 'tcp', sends }
}
