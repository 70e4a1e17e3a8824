import t from 'tap'
import type { Fields } from '../../../../src/core/inspect/contract.js'
import { deliver, octetByOctet } from '../deliver.js'
import {
  alpn,
  clientHello,
  ech,
  extension,
  message,
  type Octets,
  records,
  serverName,
  supportedVersions,
  text,
  u16,
  v8,
  v16,
} from './hello.js'

const orig = (octets: Uint8Array) => [{ dir: 'orig' as const, octets, ended: false }]

function fieldsOf(octets: Uint8Array): Fields | null {
  const [first] = deliver(orig(octets)).facts
  if (first?.fact.kind !== 'tx') return null
  // Fingerprints have a test of their own.
  const { ja4: _, ...fields } = first.fact.fields
  return fields
}

const sound: readonly { name: string; extensions: Octets | null; version?: number; is: Fields }[] =
  [
    { name: 'no extensions', extensions: null, is: { maxVersion: '1.2' } },
    { name: 'TLS 1.0', extensions: null, version: 0x0301, is: { maxVersion: '1.0' } },
    { name: 'empty extensions', extensions: [], is: { maxVersion: '1.2' } },
    {
      name: 'sni in capitals with a final dot',
      extensions: serverName('Shop.Example.'),
      is: { sni: 'shop.example', maxVersion: '1.2' },
    },
    {
      name: 'GREASE versions are none',
      extensions: supportedVersions(0xfafa, 0x0304, 0x0303),
      is: { maxVersion: '1.3' },
    },
    {
      name: 'alpn and ech',
      extensions: [...serverName('a'), ...alpn('h2', 'http/1.1'), ...ech],
      is: { sni: 'a', alpn: ['h2', 'http/1.1'], maxVersion: '1.2', ech: true },
    },
  ]

for (const { name, extensions, version, is } of sound) {
  t.test(name, async (t) => {
    const hello = clientHello(extensions, version)
    t.same(fieldsOf(records(hello)), is)
    for (const most of [1, 2, 3, 4, 5, 40]) {
      const cut = records(hello, most)
      t.same(fieldsOf(cut), is, `in records of ${most}`)
      const single = deliver(orig(cut), 'tcp', octetByOctet)
      t.equal(single.facts.length, 1, `in records of ${most}, octet by octet`)
      t.equal(single.inspection.covered('orig'), cut.length)
    }
  })
}

const unsound: readonly { name: string; octets: Octets; clause: string }[] = [
  {
    name: 'two names',
    octets: clientHello(serverName('good', 'evil')),
    clause: 'RFC 6066 §3',
  },
  { name: 'an empty name', octets: clientHello(serverName('')), clause: 'RFC 6066 §3' },
  {
    name: 'NUL in the name',
    octets: clientHello(serverName('good\0.evil')),
    clause: 'RFC 6066 §3',
  },
  {
    name: 'another name type',
    octets: clientHello(extension(0, v16([1, ...v16(text('a'))]))),
    clause: 'RFC 6066 §3',
  },
  {
    name: 'server_name twice',
    octets: clientHello([...serverName('a'), ...serverName('b')]),
    clause: 'RFC 8446 §4.2 extension twice',
  },
  {
    name: 'octets after the extensions',
    octets: message(1, [...clientHello([]).slice(4), 0]),
    clause: 'RFC 8446 §4.2 extensions length',
  },
  {
    name: 'an extension longer than the block',
    octets: clientHello([...u16(0), ...u16(9), 0]),
    clause: 'RFC 8446 §4.2 extension length',
  },
  { name: 'an empty protocol', octets: clientHello(alpn('')), clause: 'RFC 7301 §3.1' },
  {
    name: 'half a version',
    octets: clientHello(extension(43, v8([3]))),
    clause: 'RFC 8446 §4.2.1',
  },
  {
    name: 'half a group',
    octets: clientHello(extension(10, v16([0]))),
    clause: 'RFC 8446 §4.2.7',
  },
  {
    name: 'no point format',
    octets: clientHello(extension(11, v8([]))),
    clause: 'RFC 8422 §5.1.2',
  },
  {
    name: 'signature algorithms beyond their list',
    octets: clientHello(extension(13, [...v16(u16(0x0403)), 0])),
    clause: 'RFC 8446 §4.2.3',
  },
  { name: 'a short hello', octets: message(1, [3, 3, 0]), clause: 'RFC 8446 §4.1.2' },
  {
    name: 'something after it in its record',
    octets: [...clientHello([]), 1],
    clause: 'RFC 8446 §5.1 octets after ClientHello',
  },
  { name: '16 MiB', octets: [1, 0xff, 0xff, 0xff, 0], clause: 'RFC 8446 §4 message length' },
]

for (const { name, octets, clause } of unsound) {
  t.test(name, async (t) => {
    for (const most of [16_384, 7]) {
      const seen = deliver(orig(records(octets, most)))
      t.equal(seen.app, 'tls')
      t.equal(seen.state, 'malformed')
      t.equal(seen.clause.slice(0, clause.length), clause, `in records of ${most}`)
      t.same(seen.facts, [])
      t.equal(seen.inspection.covered('orig'), 0, 'nothing of it may go out')
    }
  })
}

t.test('an alert between its records', async (t) => {
  const hello = clientHello(serverName('a'))
  const octets = [...records(hello.slice(0, 20)), ...records([2, 40], 2, 21)]
  const seen = deliver(orig(Uint8Array.from(octets)))
  t.match([seen.state, seen.clause], ['malformed', 'RFC 8446 §5.1 interleaved record'])
})

t.test('what is not TLS', async (t) => {
  const others: Record<string, Octets> = {
    'an SSL 2.0 hello whose lengths disagree': [0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x11],
    'SSL 2.0 itself': [0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10],
    'application data first': [23, 3, 3, 0, 5, 1],
    'a ServerHello': [22, 3, 3, 0, 5, 2],
    'a record of 16385': [22, 3, 3, 0x40, 1, 1],
    'a version that no server takes': [22, 16, 0, 0, 5, 1],
    'a fatal alert': [21, 3, 3, 0, 2, 2, 0],
  }
  for (const [name, octets] of Object.entries(others)) {
    t.not(deliver(orig(Uint8Array.from(octets))).app, 'tls', name)
  }
})

t.test('what servers bear with before or around the first record', async (t) => {
  const hello = records(clientHello(serverName('a')))
  const anyMinor = Uint8Array.from(hello)
  anyMinor[2] = 0xff
  t.same(fieldsOf(anyMinor), { sni: 'a', maxVersion: '1.2' })
  const borne: Record<string, Octets> = {
    // OpenSSL and GnuTLS answer it with TLS 1.2.
    'an SSL 2.0 hello': [0x80, 0x2e, 1, 3, 3, 0, 0x15, 0, 0, 0, 0x10],
    // OpenSSL goes on.
    'an empty record': [22, 3, 3, 0, 0, ...hello],
    // Go does.
    'a warning': [21, 3, 1, 0, 2, 1, 90, ...hello],
    'version 5.0': [22, 5, 0, ...hello.subarray(3)],
  }
  for (const [name, octets] of Object.entries(borne)) {
    for (const cut of [undefined, octetByOctet]) {
      const seen = deliver(orig(Uint8Array.from(octets)), 'tcp', cut)
      t.match([seen.app, seen.state, seen.facts], ['tls', 'malformed', []], name)
    }
  }
})

t.test('a version that servers do not choose is not told', async (t) => {
  const of = (legacy: number, ...versions: readonly number[]) =>
    fieldsOf(
      records(clientHello(versions.length > 0 ? supportedVersions(...versions) : null, legacy)),
    )
  t.same(of(0x0304), { maxVersion: '1.2' })
  t.same(of(0x7f1c), { maxVersion: '1.2' })
  t.same(of(0x0304, 0x0304), { maxVersion: '1.3' })
  t.same(of(0x0302, 0x0302, 0x0301), { maxVersion: '1.1' })
  t.same(of(0x0301, 0x0304), { maxVersion: '1.3', ambiguous: ['maxVersion'] })
  t.same(of(0x0303, 0x0301), { maxVersion: '1.0', ambiguous: ['maxVersion'] })
})
