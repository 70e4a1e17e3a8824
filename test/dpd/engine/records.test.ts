import t from 'tap'
import type { EngineCommand } from '../../../src/core/inspect/contract.js'
import { commandOctets, encodeCommand } from '../../../src/dpd/engine/command-records.js'
import { decodeEvents } from '../../../src/dpd/engine/records.js'

/** Spaces and comments behind # are for the reader. */
function hex(text: string): Buffer {
  return Buffer.from(text.replace(/#.*$/gm, '').replace(/\s/g, ''), 'hex')
}

function decode(octets: Uint8Array) {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length)
  return decodeEvents(octets, view, 0, octets.length)
}

function encode(command: EngineCommand): Buffer {
  const octets = Buffer.alloc(commandOctets(command), 0xee)
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length)
  encodeCommand(octets, view, 0, command)
  return octets
}

/** struct EventHeader without its length, kind and direction. */
const OF_FLOW = `
  0500              # endpoint 5
  0700000000010000  # flow 2^40 + 7
`

t.test('opened, IPv4', async (t) => {
  const record = hex(`
    50000000 01 00 ${OF_FLOW}
    0000000000000000
    2a000000          # a: generation 42
    11000000          # b: rule 17
    02 01 01 00       # deny, datagram, receiver
    00000000
    04 11 6400        # family, UDP, VLAN 100
    e8fd 3500         # ports 65000, 53
    0a000001 000000000000000000000000
    0a000002 000000000000000000000000
  `)
  t.same(decode(record), [
    {
      ev: 'opened',
      flow: 2 ** 40 + 7,
      endpoint: 5,
      tuple: {
        protocol: 17,
        source: '10.0.0.1',
        sourcePort: 65000,
        destination: '10.0.0.2',
        destinationPort: 53,
        vlan: 100,
      },
      podSide: 'receiver',
      start: 'datagram',
      l4: 'deny',
      rule: 17,
      generation: 42,
    },
  ])
})

t.test('opened, IPv6', async (t) => {
  const record = hex(`
    50000000 01 00 ${OF_FLOW}
    0000000000000000 01000000 00000000 00 00 00 00 00000000
    06 06 0000 0100 bb01
    fe80000000000000 0000000000000001
    20010db800000000 0000000000000002
  `)
  t.match(decode(record), [
    {
      tuple: { protocol: 6, source: 'fe80::1', destination: '2001:db8::2', destinationPort: 443 },
      podSide: 'opener',
      start: 'syn',
      l4: 'undecided',
    },
  ])
})

t.test('opened, out of a tunnel', async (t) => {
  const record = hex(`
    68000000 01 00 ${OF_FLOW}
    0000000000000000 01000000 00000000 00 00 00
    03                # VXLAN
    00000000
    04 06 0000 0100 5000
    0a000001 000000000000000000000000
    0a000002 000000000000000000000000
    2a000000 06 000000 # VNI 42, family of the other end
    fe80000000000000 0000000000000009
  `)
  t.match(decode(record), [
    { tuple: { destination: '10.0.0.2', tunnel: { kind: 'vxlan', id: 42, peer: 'fe80::9' } } },
  ])
})

t.test('what follows, in one span with a pad', async (t) => {
  const records = hex(`
    30000000 02 01 ${OF_FLOW}
    0a00000000000000          # at 10
    03000000 03000000         # 3 octets; ended, held
    00000000 00000000
    616263 0000000000
    18000000 00 00 0000 ${'00'.repeat(16)}
    28000000 03 00 ${OF_FLOW}
    0b00000000000000 05000000 00000000 03 00 00 00 00000000
    28000000 04 00 ${OF_FLOW}
    0c00000000000000 00000000 00000000 01 01 00 00 00000000
    48000000 05 00 ${OF_FLOW}
    0000000000000000 00000000 00000000 04 00 00 00 11000000
    0100000000000000 0200000000000000 0300000000000000 0000000001000000
    28000000 06 00 0000 0000000000000000
    0900000000000000 00000000 00000000 00000000 00000000
    28000000 07 00 0500 0000000000000000
    0000000001000000 00000000 00000000 02000000 00000000
  `)
  const flow = { flow: 2 ** 40 + 7, endpoint: 5 }
  const events = decode(records).map((event) =>
    event.ev === 'octets' ? { ...event, octets: Buffer.from(event.octets).toString() } : event,
  )
  t.same(events, [
    { ev: 'octets', ...flow, dir: 'reply', at: 10, octets: 'abc', ended: true, held: true },
    { ev: 'gap', ...flow, dir: 'orig', at: 11, octets: 5, cause: 'out-of-order-limit' },
    { ev: 'holdEnded', ...flow, dir: 'orig', at: 12, cause: 'memory', took: 'closed' },
    {
      ev: 'closed',
      ...flow,
      how: 'denied',
      counts: { packets: { orig: 1, reply: 2 }, octets: { orig: 3, reply: 2 ** 32 } },
    },
    { ev: 'lost', events: 9 },
    { ev: 'spoofed', endpoint: 5, what: 'nd', frames: 2 ** 32 },
  ])
})

t.test('big flows', async (t) => {
  const records = hex(`
    50000000 08 00 ${OF_FLOW}
    0000000000000000 4d000000 00000000 00 00 01 00 00000000
    04 06 0000 e8fd bb01
    0a000001 000000000000000000000000
    0a000002 000000000000000000000000
    28000000 09 00 ${OF_FLOW}
    0000000000000000 00000000 00000000 00 00 00 00 00000000
  `)
  const tuple = {
    ...{ protocol: 6, source: '10.0.0.1', sourcePort: 65000 },
    ...{ destination: '10.0.0.2', destinationPort: 443, vlan: 0 },
  }
  const flow = { flow: 2 ** 40 + 7, endpoint: 5 }
  t.same(decode(records), [
    { ev: 'big', ...flow, tuple, podSide: 'receiver', epoch: 77 },
    { ev: 'recall', ...flow },
  ])
})

t.test('what is no record', async (t) => {
  t.throws(() => decode(hex('30000000 06 00 0000')), RangeError, 'longer than the span')
  t.throws(() => decode(hex('00000000 06 00 0000')), RangeError, 'no length')
  t.throws(() => decode(hex(`28000000 0a ${'00'.repeat(35)}`)), /unknown kind 10/)
})

const to = { flow: 2 ** 40 + 7, generation: 42 }
const FLOW = '0700000000010000'
const commands: readonly (readonly [command: EngineCommand, want: string])[] = [
  [
    { cmd: 'need', ...to, dir: 'orig', octets: 300 },
    `30000000 01 00 00 00 ${FLOW} 0000000000000000 2c01000000000000 2a000000 00000000 00000000 00000000`,
  ],
  [
    { cmd: 'skip', ...to, dir: 'reply', from: 2 ** 33, octets: 'toEnd' },
    `30000000 02 01 00 00 ${FLOW} 0000000002000000 ffffffffffffffff 2a000000 00000000 00000000 00000000`,
  ],
  [
    { cmd: 'release', ...to, dir: 'orig', upTo: 9, rule: 17 },
    `30000000 03 00 00 00 ${FLOW} 0900000000000000 0000000000000000 2a000000 11000000 00000000 00000000`,
  ],
  [
    { cmd: 'deny', ...to, dir: 'orig', from: 9, rule: 1, answer: 'icmp', then: 'continue' },
    `30000000 04 00 01 01 ${FLOW} 0900000000000000 0000000000000000 2a000000 01000000 00000000 00000000`,
  ],
  [
    {
      cmd: 'deny',
      ...to,
      dir: 'orig',
      from: 0,
      rule: 1,
      answer: { refusal: Buffer.from('abc') },
      then: 'close',
    },
    `38000000 04 00 02 00 ${FLOW} 0000000000000000 0000000000000000 2a000000 01000000 00000000 03000000
     6162630000000000`,
  ],
  [
    { cmd: 'settle', ...to, verdict: 'deny', rule: 18 },
    `30000000 05 00 00 00 ${FLOW} 0000000000000000 0000000000000000 2a000000 12000000 02000000 00000000`,
  ],
  [
    { cmd: 'settle', ...to, verdict: 'allow', rule: 18 },
    `30000000 05 00 00 00 ${FLOW} 0000000000000000 0000000000000000 2a000000 12000000 01000000 00000000`,
  ],
  [
    { cmd: 'recalled', ...to },
    `30000000 06 00 00 00 ${FLOW} 0000000000000000 0000000000000000 2a000000 00000000 00000000 00000000`,
  ],
]

t.test('commands', async (t) => {
  for (const [command, want] of commands) {
    t.equal(encode(command).toString('hex'), hex(want).toString('hex'), command.cmd)
  }
})
