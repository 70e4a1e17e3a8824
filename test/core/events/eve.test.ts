import t from 'tap'
import {
  denialEvent,
  type EventFlow,
  flowEvent,
  isTransactionType,
  spoofEvent,
  transactionEvent,
} from '../../../src/core/events/eve.js'
import { eveTimestamp } from '../../../src/core/events/timestamp.js'

const AT_MS = Date.parse('2026-01-02T03:04:05.678Z')
const DECISION = {
  verdict: 'deny',
  policy: null,
  rule: 'default-deny',
  reason: 'default-deny',
  generation: 3,
} as const
const FLOW: EventFlow = {
  ...{ flow: 42, app: 'http', direction: 'ingress', peer: 'default/client' },
  endpoint: { id: 7, namespace: 'default', pod: 'web', mode: 'protect' },
  tuple: {
    ...{ protocol: 6, vlan: 0 },
    ...{ source: 'fd00::1', sourcePort: 40000, destination: 'fd00::7', destinationPort: 80 },
  },
}
const END = {
  how: 'denied',
  counts: { packets: { orig: 3, reply: 2 }, octets: { orig: 300, reply: 200 } },
} as const
const ended = (flow: EventFlow) => flowEvent(flow, DECISION, END, AT_MS - 5678, AT_MS)
const FIELDS = {
  method: 'POST',
  host: 'shop.example',
  path: '/admin',
  target: '/admin?token=secret',
  'header.authorization': 'Basic secret',
  'header.user-agent': 'curl',
}

t.test('common fields are EVE’s', async (t) => {
  t.equal(eveTimestamp(AT_MS), '2026-01-02T03:04:05.678000+0000')
  t.equal(eveTimestamp(AT_MS + 400.9), '2026-01-02T03:04:06.078000+0000')
  t.equal(eveTimestamp(AT_MS - 673), '2026-01-02T03:04:05.005000+0000')
  t.match(ended(FLOW), {
    timestamp: '2026-01-02T03:04:05.678000+0000',
    flow_id: 42,
    event_type: 'flow',
    src_ip: 'fd00::1',
    dest_port: 80,
    proto: 'TCP',
    app_proto: 'http',
    flow: {
      ...{ pkts_toserver: 3, bytes_toclient: 200, age: 5, reason: 'denied' },
      ...{ start: '2026-01-02T03:04:00.000000+0000', end: '2026-01-02T03:04:05.678000+0000' },
    },
    vethwall: {
      pod: 'web',
      direction: 'ingress',
      peer: 'default/client',
      verdict: 'deny',
      rule: 'default-deny',
      generation: 3,
    },
  })
})

t.test('a denial names pod, peer, app and rule', async (t) => {
  const event = denialEvent(FLOW, DECISION, FIELDS, AT_MS)
  t.match(event, {
    event_type: 'drop',
    http: { http_method: 'POST', hostname: 'shop.example', url: '/admin', http_user_agent: 'curl' },
    vethwall: { namespace: 'default', pod: 'web', peer: 'default/client', rule: 'default-deny' },
  })
  t.notMatch(JSON.stringify(event), /secret/, 'header fields and queries stay out')
})

t.test('a flow within a tunnel names it', async (t) => {
  const tunnel = { kind: 'vxlan', id: 42, peer: 'fd00::9' } as const
  const inner = { ...FLOW, tuple: { ...FLOW.tuple, tunnel } }
  t.match(ended(inner), { vethwall: { tunnel } })
  t.notOk('tunnel' in (ended(FLOW).vethwall as object))
})

t.test('outside protect it is an alert, and says would', async (t) => {
  const event = denialEvent(
    { ...FLOW, endpoint: { ...FLOW.endpoint, mode: 'monitor' } },
    DECISION,
    {},
    AT_MS,
  )
  t.match(event, { event_type: 'alert', vethwall: { verdict: 'allow', would: 'deny' } })
})

t.test('transactions of the protocols that EVE knows', async (t) => {
  const transaction = { fields: { names: ['www.example'], types: ['A'] }, decision: DECISION }
  t.match(transactionEvent(FLOW, 'dns', transaction, AT_MS), {
    event_type: 'dns',
    dns: { rrname: ['www.example'], rrtype: ['A'] },
  })
  const hello = { fields: { sni: 'a', ja4: 'q' }, decision: DECISION }
  t.match(transactionEvent(FLOW, 'quic', hello, AT_MS), {
    event_type: 'quic',
    app_proto: 'quic',
    quic: { sni: 'a', ja4: 'q' },
  })
  t.equal(isTransactionType('dns'), true)
  t.equal(isTransactionType('unknown'), false)
})

t.test('a spoofed frame: the pod, not the addresses that it made up', async (t) => {
  const who = { endpoint: 7, namespace: 'default', pod: 'web', ifName: 'eth0' }
  const news = { ...who, mode: 'protect', reason: 'spoofed-arp', frames: 3, total: 9 } as const
  t.same(spoofEvent(news, AT_MS), {
    timestamp: '2026-01-02T03:04:05.678000+0000',
    event_type: 'drop',
    in_iface: 'eth0',
    drop: { reason: 'spoofed-arp' },
    vethwall: {
      ...{ endpoint: 7, namespace: 'default', pod: 'web', direction: 'egress', mode: 'protect' },
      ...{ verdict: 'deny', reason: 'spoofed-arp', frames: 3, total: 9 },
    },
  })
})
