/** HTTP on the wire under protect: pipelines, keep-alive, large bodies; no denied octet gets through. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Node, type Pod, until } from '../node.js'
import { talk } from './talk.js'

const POLICY = `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: web, namespace: default }
spec:
  podSelector: { matchLabels: { app: web } }
  mode: protect
  failure: closed
  ingress:
    - name: items
      ports: [{ port: 80 }]
      http: [{ methods: [GET, PUT], hosts: [web], paths: ['/items/*'] }]
`
/** Keeps what it received, octet for octet; GET /items/big/N sends N octets, PUT counts. */
const SERVER = `const http = require('http'), fs = require('fs')
const chunk = Buffer.alloc(1 << 16, 0x61)
const server = http.createServer((q, s) => {
  let octets = 0
  q.on('data', (d) => { octets += d.length }).on('end', () => {
    const big = /^\\/items\\/big\\/(\\d+)$/.exec(q.url)
    if (!big) return s.end(q.method + ' ' + q.url + ' ' + octets + ';')
    let left = Number(big[1])
    s.setHeader('content-length', left)
    const push = () => { while (left > 0) { const n = Math.min(left, chunk.length); left -= n; if (!s.write(chunk.subarray(0, n))) return s.once('drain', push) } s.end() }
    push()
  })
})
server.on('connection', (c) => c.on('data', (d) => d.length < 4096 && fs.appendFileSync(process.argv[1], d)))
server.listen(80, '::')`

const FORBIDDEN = /^HTTP\/1\.1 403 Forbidden\r\n[\s\S]*policy\.\n$/
const MIB = 1024 * 1024
const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: web\r\n${more}\r\n`

interface World {
  readonly node: Node
  readonly web: Pod
  readonly client: Pod
  readonly received: string
}
async function makeWorld(t: Test): Promise<World> {
  const node = new Node({ name: `vwht${process.pid}` })
  t.teardown(() => node.close())
  writeFileSync(
    join(node.endpointsDir, 'who.yaml'),
    'pods: [{ namespace: default, name: web, labels: { app: web } }]\n',
  )
  writeFileSync(join(node.policyDir, 'web.yaml'), POLICY)
  await node.startDpd()
  const web = await node.addPod('web')
  const client = await node.addPod('client')
  const received = join(node.dir, 'received')
  writeFileSync(received, '')
  web.serve(process.execPath, ['-e', SERVER, received], join(node.dir, 'web.log'))
  await web.listening(80)
  return { node, web, client, received }
}

t.setTimeout(180_000)
t.test('HTTP under protect', async (t) => {
  const { node, web, client, received } = await makeWorld(t)
  const hosts = [
    ['IPv4', web.ip4],
    ['IPv6', web.ip6],
  ] as const
  const url = (host: string, path: string) =>
    `http://${host.includes(':') ? `[${host}]` : host}${path}`
  const said = () => readFileSync(received, 'latin1')

  await t.test('of two pipelined requests the second is denied', async (t) => {
    for (const [family, host] of hosts) {
      const [heard] = await talk(client, [
        {
          host,
          port: 80,
          parts: [get('/items/1') + get('/secret', 'X-Mark: second\r\n')],
          until: 'never',
        },
      ])
      t.equal(heard?.how, 'ECONNRESET', family)
      t.ok((heard?.tookMs ?? 9e9) < 1000, `${family}: at once (${heard?.tookMs} ms)`)
    }
    t.equal(said().split(get('/items/1')).length, 3, 'the first arrived twice')
    t.notMatch(said(), /secret|second/, 'no octet of the second')
    t.equal(said().replaceAll(get('/items/1'), ''), '', 'nothing else at all')
  })

  await t.test('a denied request cut at every tenth octet', async (t) => {
    writeFileSync(received, '')
    const text = get('/secret', 'X-Mark: second\r\n')
    const cuts = [1, 3, 5, 11, 21, 31, 41, 51]
    const heard = await talk(
      client,
      hosts.flatMap(([, host]) =>
        cuts.map((cut) => ({
          host,
          port: 80,
          parts: [text.slice(0, cut), text.slice(cut)],
          until: 'HTTP/1.1 2',
        })),
      ),
    )
    for (const { how, text } of heard) {
      t.equal(how, 'end')
      t.match(text, FORBIDDEN)
    }
    t.equal(said(), '', 'nothing arrived')
  })

  await t.test('keep-alive: allowed again and again, then denied', async (t) => {
    for (const [family, host] of hosts) {
      const parts = [1, 2, 3, 4].map((i) => get(`/items/${i}`))
      const [heard] = await talk(client, [
        { host, port: 80, parts: [...parts, get('/secret')], until: 'never' },
      ])
      t.equal(heard?.text.match(/HTTP\/1\.1 200/g)?.length, 4, family)
      t.match(heard?.text, /GET \/items\/4 0;HTTP\/1\.1 403 Forbidden\r\n/)
      t.equal(heard?.how, 'end')
    }
    t.notMatch(said(), /secret/)
  })

  await t.test('curl hears 403: afresh, on a connection kept alive, amid its upload', async (t) => {
    writeFileSync(received, '')
    const curl = ['-sS', '-g', '-H', 'Host: web', '-m', '8', '-w', '%{http_code} %{num_connects}\n']
    for (const [family, host] of hosts) {
      const [allowed, secret] = [url(host, '/items/1'), url(host, '/secret')]
      const codes = async (...args: readonly string[]) => {
        const { stdout, stderr, status } = await client.exec('curl', [...curl, ...args])
        t.equal(status, 0, `${family}: ${stderr}`)
        return stdout.match(/^\d{3} \d$/gm)
      }
      t.same(await codes('-o', '/dev/null', secret), ['403 1'], `${family}: afresh`)
      const kept = await codes('-o', '/dev/null', '-o', '/dev/null', allowed, secret)
      t.same(kept, ['200 1', '403 0'], `${family}: kept alive`)
      const small = await codes('-o', '/dev/null', '--data-binary', 'mark=secret', secret)
      t.same(small, ['403 1'], `${family}: with a body`)
      const large = await client.exec('sh', [
        '-c',
        `head -c ${MIB} /dev/zero | curl ${curl.map((each) => `'${each}'`).join(' ')} -o /dev/null -H 'Expect:' --data-binary @- '${secret}'`,
      ])
      t.match(large.stdout, /^403 1$/m, `${family}: with a body of 1 MiB: ${large.stderr}`)
    }
    t.notMatch(said(), /secret|POST|\0/, 'no octet of any')
    await until('the server has no connection left', async () => {
      const left = await web.exec('ss', ['-Htn', 'state', 'established', 'sport = :80'])
      return left.stdout === ''
    })
  })

  await t.test(
    'replies under way reach their client whole before a denied request ends it',
    async (t) => {
      for (const [family, host] of hosts) {
        const [heard] = await talk(client, [
          { host, port: 80, parts: [get(`/items/big/${MIB}`), get('/secret')], until: 'never' },
        ])
        const body = heard?.text.slice((heard.text.indexOf('\r\n\r\n') ?? 0) + 4) ?? ''
        t.match(heard?.how, /^(end|ECONNRESET)$/, family)
        t.match(
          body,
          /^a*(HTTP\/1\.1 403 Forbidden\r\n[\s\S]*)?$/,
          `${family}: nothing amid the body`,
        )
      }
      t.notMatch(said(), /secret/)
    },
  )

  await t.test('100 MiB down, 30 MiB up', async (t) => {
    for (const [family, host] of hosts) {
      const octets = 100 * MIB
      const from = Date.now()
      const down = await client.exec('curl', [
        ...[
          '-sS',
          '-g',
          '-H',
          'Host: web',
          '-m',
          '20',
          '-o',
          '/dev/null',
          '-w',
          '%{size_download}',
        ],
        url(host, `/items/big/${octets}`),
      ])
      t.equal(down.stdout, String(octets), `${family}: down ${down.stderr}`)
      t.comment(`${family}: 100 MiB down in ${Date.now() - from} ms`)
      const up = await client.exec('sh', [
        '-c',
        `head -c ${30 * MIB} /dev/zero | curl -sS -g -H 'Host: web' -m 8 -T - '${url(host, '/items/up')}'`,
      ])
      t.match(up.stdout, `PUT /items/up ${30 * MIB};`, `${family}: up ${up.stderr}`)
    }
  })

  await t.test('ambiguous or broken requests match no allow rule', async (t) => {
    writeFileSync(received, '')
    const bad = [
      get('/items/1', 'Host: other\r\n'),
      get('/items/1', 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n'),
      get('/items/%zz'),
      get('/items/../secret'),
      get('/items/%2e%2e/secret'),
      get('//secret'),
      'GET /items/1 HTTP/1.1\r\nHost : web\r\n\r\n',
      'get /items/1 HTTP/1.1\r\nHost: web\r\n\r\n',
      '\u0000\u0001\u0002garbage\r\n\r\n',
    ]
    const heard = await talk(
      client,
      bad.map((text) => ({ host: web.ip4, port: 80, parts: [text], until: 'HTTP/1.1 2' })),
    )
    for (const [i, { how, text }] of heard.entries()) {
      const isTold = how === 'ECONNRESET' || (how === 'end' && FORBIDDEN.test(text))
      t.ok(isTold, `${JSON.stringify(bad[i])}: ${how}`)
    }
    t.equal(said(), '', 'nothing arrived')
  })

  await t.test('monitor: all pass, `would` says what protect had done', async (t) => {
    t.equal((await node.dpctl('mode', 'default/web', 'monitor')).status, 0)
    for (const [family, host] of hosts) {
      const [heard] = await talk(client, [
        { host, port: 80, parts: [get('/items/m') + get('/secret')], until: 'secret 0;' },
      ])
      t.equal(heard?.how, 'ok', family)
    }
    await until('would: deny', async () => {
      const { flows } = (await node.api('/v1/flows?verdict=would-deny')) as { flows: unknown[] }
      return flows.length === 2
    })
    const table = await node.dpctl('flows', '--verdict', 'would-deny')
    t.match(table.stdout, /allow \(would: deny\) +default-deny/)
  })
})
