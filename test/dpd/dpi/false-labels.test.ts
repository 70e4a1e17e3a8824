/** No flow gets another protocol's label: real flows of every protocol, and octets of none. */
import { readdirSync } from 'node:fs'
import t from 'tap'
import type { Dir } from '../../../src/core/inspect/contract.js'
import { Random } from '../../fuzz/random.js'
import { capturesFolder, readCaptured } from './captured.js'
import { deliver } from './deliver.js'
import { readRecorded, recordedNames } from './recorded.js'
import type { Send } from './send.js'

/** Captures whose folder is not the label of all their flows. */
const OTHER_LABELS: Readonly<Record<string, readonly string[]>> = {
  'http/ws-ws': ['websocket'],
  'http/ws-websocketd': ['websocket'],
  'mysql/tls': ['tls'],
  'postgresql/tls': ['tls'],
  'smtp/curl-exim-starttls': ['tls'],
  'smtp/msmtp-aiosmtpd-starttls': ['tls'],
  'smtp/nodemailer-exim-starttls': ['tls'],
}
const HEADS = 10_000
/** Of flows of octets that are no protocol's. */
const FALSE_SHARE = 0.001
/** Payload packets within which a flow is given up. */
const PACKETS = 4
/** Fewer octets may be the head of a command or of a length: nobody could tell. */
const SHORTEST = 16

const hasPayload = (sends: readonly Send[]): boolean =>
  sends.some(({ octets }) => octets.length > 0)

t.test('captured flows have the label of their folder', async (t) => {
  const folders = readdirSync(capturesFolder, { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  )
  for (const { name: folder } of folders) {
    const files = readdirSync(`${capturesFolder}/${folder}`).filter((file) =>
      file.endsWith('.pcap'),
    )
    for (const file of files) {
      const name = `${folder}/${file.replace('.pcap', '')}`
      const expected = OTHER_LABELS[name] ?? [folder]
      for (const { transport, sends } of readCaptured(name)) {
        if (!hasPayload(sends)) continue
        const label = deliver(sends, transport).app ?? '-'
        if (!expected.includes(label)) t.same(label, expected, name)
      }
    }
  }
})

t.test('recorded flows have the label of their name', async (t) => {
  for (const name of recordedNames()) {
    const [expected = ''] = name.split('-')
    const isUdp = expected === 'dns' && !/-tcp$|-keepopen$/.test(name)
    t.equal(deliver(readRecorded(name), isUdp ? 'udp' : 'tcp').app, expected, name)
  }
})

const KINDS: Readonly<Record<string, (random: Random, octets: number) => Uint8Array>> = {
  uniform: (random, octets) => fill(octets, () => random.below(256)),
  // Lines of letters, digits, spaces and marks.
  text: (random, octets) =>
    fill(octets, () => (random.below(32) === 0 ? 0x0a : 0x20 + random.below(95))),
  'few octets': (random, octets) => {
    const some = fill(4, () => random.below(256))
    return fill(octets, () => some[random.below(4)] ?? 0)
  },
  'small numbers': (random, octets) =>
    fill(octets, () => (random.below(4) === 0 ? random.below(16) : 0)),
  'one octet': (random, octets) => new Uint8Array(octets).fill(random.below(256)),
}

function fill(octets: number, next: () => number): Uint8Array {
  return Uint8Array.from({ length: octets }, next)
}

/** Either side first, and the other next or after two packets. */
function conversation(random: Random, octets: () => Uint8Array): Send[] {
  const [first, second]: Dir[] = random.below(3) === 0 ? ['reply', 'orig'] : ['orig', 'reply']
  const turns =
    random.below(4) === 0 ? [first, first, second, second] : [first, second, first, second]
  return turns.map((dir = 'orig') => ({ dir, octets: octets(), ended: false }))
}

for (const transport of ['tcp', 'udp'] as const) {
  for (const [kind, make] of Object.entries(KINDS)) {
    t.test(`${transport}: ${kind}`, async (t) => {
      const random = new Random(20_250_607)
      const labels: Record<string, number> = {}
      let inTime = 0
      for (let head = 0; head < HEADS; head++) {
        const length = SHORTEST + random.below(random.below(4) === 0 ? 600 : 80)
        const sends = conversation(random, () => make(random, length))
        let packets = 0
        for (let count = 1; count <= PACKETS && packets === 0; count++) {
          const { app } = deliver(sends.slice(0, count), transport)
          if (app === null) continue
          packets = count
          if (app !== 'unknown') labels[app] = (labels[app] ?? 0) + 1
        }
        if (packets > 0) inTime++
      }
      const wrong = Object.values(labels).reduce((sum, count) => sum + count, 0)
      t.comment(`decided within ${PACKETS} packets: ${(100 * inTime) / HEADS} %`, labels)
      t.ok(
        wrong <= FALSE_SHARE * HEADS,
        `${wrong} of ${HEADS} have a label: ${JSON.stringify(labels)}`,
      )
      t.ok(inTime >= 0.99 * HEADS, `${inTime} of ${HEADS} are decided within ${PACKETS} packets`)
    })
  }
}
