import t from 'tap'
import { deliver } from '../deliver.js'
import { clientHello, extension, type Octets, records, serverName } from './hello.js'

const HELLO_OCTETS = 16_384
/** With a padding extension (RFC 7685) to so many octets, message header not counted. */
function padded(octets: number): Octets {
  const bare = clientHello([...serverName('a.example'), ...extension(21, [])]).length - 4
  const padding = Array.from({ length: octets - bare }, () => 0)
  return clientHello([...serverName('a.example'), ...extension(21, padding)])
}
const see = (octets: Uint8Array) => deliver([{ dir: 'orig', octets, ended: false }])

t.test('a hello as long as is read, and a longer one', async (t) => {
  const longest = see(records(padded(HELLO_OCTETS - 4)))
  t.match(longest.facts, [{ fact: { fields: { sni: 'a.example' } } }])
  const longer = see(records(padded(HELLO_OCTETS + 1)))
  t.match(longer, {
    app: 'tls',
    state: 'malformed',
    clause: /RFC 8446 §4 message length/,
    facts: [],
  })
})

t.test('a hello in records of an octet each outgrows the window', async (t) => {
  const seen = see(records(padded(HELLO_OCTETS - 4), 1))
  t.match(seen, { state: 'malformed', clause: /window of \d+ octets exceeded/, facts: [] })
})

t.test('a record longer than records are', async (t) => {
  const octets = Uint8Array.from([...records(clientHello(serverName('a'))), 23, 3, 3, 0x48, 0x01])
  t.match(see(octets).clause, 'RFC 8446 §5.1 record length')
})
