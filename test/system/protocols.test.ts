/** TLS, DNS and servers that speak first, as they come over the wire of real pods. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startDns, startWeb } from '../../demo/servers.js'
import { Node, type Pod } from '../node.js'
import { startEcho, talk } from './talk.js'

const WHO = `pods:
  - { namespace: default, name: server, labels: { app: server } }
`
const POLICY = `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: server, namespace: default }
spec:
  podSelector: { matchLabels: { app: server } }
  mode: protect
  failure: closed
  ingress:
    - name: shop
      ports: [{ port: 443 }]
      tls: [{ sni: [shop.example] }]
    - name: names
      ports: [{ protocol: UDP, port: 53 }, { port: 53 }]
      dns: [{ names: ['*.example'], types: [A, AAAA] }]
    - name: any-app
      ports: [{ port: 2525 }]
    - name: web-only
      ports: [{ port: 2526 }]
      apps: [http]
    - name: mail
      ports: [{ port: 2528 }]
      apps: [smtp]
`
/** Greets as servers of several protocols do; prints the lines that it receives. */
const MAIL = `require('net').createServer((s) => {
  s.write('220 host ready\\r\\n')
  s.on('error', () => {}).setEncoding('latin1')
  let text = '', isMail = false
  s.on('data', (d) => {
    for (text += d; text.includes('\\r\\n'); ) {
      const line = text.slice(0, text.indexOf('\\r\\n'))
      text = text.slice(line.length + 2)
      console.log(line)
      if (isMail && line !== '.') continue
      isMail = line === 'DATA'
      s.write((isMail ? '354' : line === 'QUIT' ? '221' : '250') + ' host\\r\\n')
    }
  })
}).listen(2528, '::')`
/** Sends a real ClientHello with this SNI, cut into TLS records and TCP segments; prints what came back. */
const SPLIT_HELLO = `const net = require('net'), tls = require('tls'), { Duplex } = require('stream')
const [host, name, how] = process.argv.slice(1)
const sent = [], out = new Duplex({ read() {}, write(d, e, cb) { sent.push(d); cb() } })
tls.connect({ socket: out, servername: name, rejectUnauthorized: false }).on('error', () => {})
setTimeout(() => {
  const hello = Buffer.concat(sent), body = hello.subarray(5), records = []
  const step = how === 'whole' ? body.length : 100
  for (let i = 0; i < body.length; i += step) {
    const part = body.subarray(i, i + step)
    records.push(Buffer.concat([hello.subarray(0, 3), Buffer.from([part.length >> 8, part.length & 255]), part]))
  }
  const parts = how === 'segments' ? [...Array(8).keys()].map((i) => hello.subarray(i * hello.length / 8, (i + 1) * hello.length / 8)) : [Buffer.concat(records)]
  const s = net.connect({ host, port: 443, noDelay: true }, () => parts.forEach((p, i) => setTimeout(() => s.writable && s.write(p), i * 20)))
  const end = (text) => { console.log(text); process.exit() }
  setTimeout(() => end('silence'), 4000)
  s.on('data', (d) => end('type ' + d[0])).on('error', (e) => end(e.code)).on('end', () => end('end'))
}, 50)`

async function makeWorld(t: Test): Promise<{ node: Node; server: Pod; client: Pod }> {
  const node = new Node({ name: `vwpr${process.pid}` })
  t.teardown(() => node.close())
  writeFileSync(join(node.endpointsDir, 'who.yaml'), WHO)
  writeFileSync(join(node.policyDir, 'policy.yaml'), POLICY)
  await node.startDpd()
  const server = await node.addPod('server')
  const client = await node.addPod('client')
  await startWeb(server, node.dir)
  await startDns(server, node.dir)
  return { node, server, client }
}

t.setTimeout(180_000)
t.test('protocols under protect', async (t) => {
  const { node, server, client } = await makeWorld(t)
  const hosts = [
    ['IPv4', server.ip4],
    ['IPv6', server.ip6],
  ] as const

  await t.test('a ClientHello in one record, in several, in several segments', async (t) => {
    for (const [family, host] of hosts) {
      for (const how of ['whole', 'records', 'segments']) {
        const hello = async (name: string) => {
          const exit = await client.exec(process.execPath, ['-e', SPLIT_HELLO, host, name, how])
          return exit.stdout.trim()
        }
        t.equal(await hello('shop.example'), 'type 22', `${family} ${how}: ServerHello`)
        t.equal(await hello('other.example'), 'ECONNRESET', `${family} ${how}: refused`)
      }
    }
  })

  await t.test('DNS over UDP and TCP', async (t) => {
    for (const [family, host] of hosts) {
      for (const more of [[], ['+tcp']]) {
        const dig = (name: string, type: string) =>
          client.exec('dig', [...more, '+tries=1', '+time=3', `@${host}`, name, type])
        const label = `${family} ${more.join()}`
        t.match((await dig('www.example', 'A')).stdout, /NOERROR[\s\S]*192\.0\.2\.1/, label)
        t.match((await dig('www.forbidden', 'A')).stdout, /REFUSED/, `${label}: name`)
        t.match((await dig('www.example', 'TXT')).stdout, /REFUSED/, `${label}: type`)
      }
    }
  })

  await t.test('a server that speaks first', async (t) => {
    const banner = '220 mail.example ESMTP\r\n'
    await startEcho(server, node.dir, { tcp: [2525, 2526, 2527], banner })
    for (const [family, host] of hosts) {
      const [any, web, none] = await talk(
        client,
        [2525, 2526, 2527].map((port) => ({ host, port, parts: [], until: banner })),
      )
      t.equal(any?.how, 'ok', `${family}: allowed port`)
      t.equal(web?.how, 'ECONNRESET', `${family}: it is no http`)
      t.equal(web?.text, '', `${family}: no octet of it`)
      t.ok((web?.tookMs ?? 9e9) < 1500, `${family}: told after ${web?.tookMs} ms`)
      t.equal(none?.connected, false, `${family}: denied at the SYN: ${none?.how}`)
    }
  })

  await t.test(
    'a greeting that names no protocol passes; what it was the client says',
    async (t) => {
      const log = join(node.dir, 'mail.log')
      server.serve(process.execPath, ['-e', MAIL], log)
      await server.listening(2528)
      for (const [family, host] of hosts) {
        const at = `//${host.includes(':') ? `[${host}]` : host}:2528`
        const envelope = ['--mail-from', 'a@shop.example', '--mail-rcpt', 'b@mail.example']
        const curl = (args: readonly string[], input = '') =>
          client.exec('curl', ['-sS', '-m', '10', ...args], { input })
        const sent = await curl([...envelope, '-T', '-', `smtp:${at}`], 'Subject: x\r\n\r\ny\r\n')
        t.equal(sent.status, 0, `${family}: ${sent.stderr}`)
        const ftp = await curl([`ftp:${at}/`])
        t.match(ftp.stderr, /reset/i, `${family}: FTP has the same greeting`)
      }
      const received = readFileSync(log, 'utf8')
      t.equal(received.match(/^MAIL FROM:<a@shop\.example>/gm)?.length, 2)
      t.notMatch(received, /USER/)
    },
  )

  await t.test('each denial names pod, peer, app and rule', async (t) => {
    const { flows } = (await node.api('/v1/flows?verdict=deny')) as {
      flows: { flow: number; app: string | null; destinationPort: number }[]
    }
    for (const port of [443, 53, 2526, 2527]) {
      const flow = flows.find(({ destinationPort }) => destinationPort === port)
      const { stdout } = await node.dpctl('why', String(flow?.flow))
      t.match(stdout, /^pod: +default\/server\/eth0/m, `port ${port}`)
      t.match(stdout, /^peer: +default\/client \(/m)
      const app = { 443: 'tls', 53: 'dns', 2526: 'smtp', 2527: 'not identified' }[port]
      t.match(stdout, new RegExp(`^app: +${app}`, 'm'))
      t.match(stdout, /rule default-deny/)
    }
  })
})
