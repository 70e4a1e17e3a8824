/**
 * By what OpenSSL, as Node has it, goes on is told: a seeded sample, a hundred times longer with SOAK=1. Go's
 * crypto/tls 1.19 takes a first record of any version below 0x1000 and warnings before it; it compares all of a
 * second hello, of which OpenSSL compares neither name nor protocols. GnuTLS 3.7 answers hellos of SSL 2.0's format.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { createServer, type SecureVersion, type Server } from 'node:tls'
import t from 'tap'
import { Random } from '../../../fuzz/random.js'
import { socketDir } from '../../../socket-dir.js'
import { type Chosen, negotiated, untoldChoice } from './tls-executed.js'
import { TlsOctets } from './tls-octets.js'

const CASES = process.env.SOAK === '1' ? 50_000 : 500

interface Seen {
  name: string
  protocols: readonly string[]
}

/** What it chose by goes to `seen`. */
async function listen(dir: string, maxVersion: SecureVersion, seen: Seen): Promise<Server> {
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const files = ['-keyout', key, '-out', cert, '-subj', '/CN=good.example', '-days', '2']
  execFileSync('openssl', ['req', '-x509', ...kind, ...files], { stdio: 'ignore' })
  const server = createServer({
    ...{ key: readFileSync(key), cert: readFileSync(cert), minVersion: 'TLSv1', maxVersion },
    ciphers: 'DEFAULT@SECLEVEL=0',
    SNICallback: (name, done) => {
      seen.name = name
      done(null)
    },
    ALPNCallback: ({ protocols }) => {
      seen.protocols = protocols
      return protocols[0]
    },
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(join(dir, 'tls.sock'), resolve))
  return server
}

const converse = (path: string, octets: Uint8Array): Promise<Buffer> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = []
    const socket = createConnection(path)
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', () => {})
    socket.on('close', () => resolve(Buffer.concat(chunks)))
    socket.end(octets)
  })

for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
  t.test(`OpenSSL to ${version}`, { timeout: 3_600_000 }, async (t) => {
    const dir = socketDir(t)
    const seen: Seen = { name: '', protocols: [] }
    const server = await listen(dir, version, seen)
    t.teardown(() => server.close())
    let count = 0
    for (let seed = 0; seed < CASES; seed++) {
      const random = new TlsOctets(new Random(seed))
      const octets = Uint8Array.from(seed % 3 === 0 ? random.retried() : random.octets())
      seen.name = ''
      seen.protocols = []
      const reply = await converse(join(dir, 'tls.sock'), octets)
      const chosen: Chosen = { ...seen }
      const went = negotiated(reply)
      const untold = untoldChoice(octets, chosen, went)
      if (untold !== '') t.equal(untold, '', `seed ${seed}: ${Buffer.from(octets).toString('hex')}`)
      if (went !== null) count++
    }
    t.ok(count > CASES / 6, `${count} of ${CASES} went on`)
  })
}
