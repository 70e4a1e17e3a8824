import { createConnection } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ApiRefusal } from '../../../src/core/api/protocol.js'
import { createServer, json, matchPath, type Route } from '../../../src/dpd/api/http.js'
import { listenOnSocket, refuseSecond } from '../../../src/dpd/api/listen.js'
import { socketDir } from '../../socket-dir.js'
import { request } from '../daemon.js'

const ROUTES: readonly Route[] = [
  { method: 'GET', path: '/v1/ok', handle: () => json({ ok: true }) },
  { method: 'POST', path: '/v1/echo', handle: ({ body }) => json({ body }) },
  { method: 'DELETE', path: '/v1/things/:id', handle: ({ params }) => json(params) },
  {
    method: 'GET',
    path: '/v1/refused',
    handle: () => {
      throw new ApiRefusal(409, 'busy', 'come back later')
    },
  },
  {
    method: 'GET',
    path: '/v1/broken',
    handle: () => {
      throw new Error('ours')
    },
  },
  {
    method: 'GET',
    path: '/v1/stream',
    handle: () => ({
      kind: 'stream',
      start: (write) => {
        const timer = setInterval(() => write({ line: 'x'.repeat(1000) }), 1)
        return () => clearInterval(timer)
      },
    }),
  },
]

async function serve(t: Test): Promise<{ socket: string; faults: string[] }> {
  const socket = join(socketDir(t), 'dpd.sock')
  const faults: string[] = []
  const server = createServer(ROUTES, (message) => faults.push(message))
  await listenOnSocket(server, socket)
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { socket, faults }
}

/** Octets as they are; what comes back until the server closes. */
function raw(socket: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    const connection = createConnection(socket, () => connection.write(text))
    let answer = ''
    connection.setEncoding('latin1').on('data', (chunk: string) => {
      answer += chunk
    })
    connection.on('close', () => resolve(answer))
    connection.on('error', () => resolve(answer))
  })
}

t.test('matchPath', async (t) => {
  t.same(matchPath('/a/:x/b', '/a/1%2F2/b'), { x: '1/2' })
  t.equal(matchPath('/a/:x', '/a/'), null)
  t.equal(matchPath('/a', '/a/b'), null)
  t.throws(() => matchPath('/a/:x', '/a/%ff'), { code: 'bad-path' })
})

t.test('answers and refusals are JSON with protocol 1', async (t) => {
  const { socket, faults } = await serve(t)
  t.same(await request(socket, 'GET', '/v1/ok'), { status: 200, body: { protocol: 1, ok: true } })
  t.match(await request(socket, 'DELETE', '/v1/things/a%2Fb'), { status: 200, body: { id: 'a/b' } })
  t.match(await request(socket, 'GET', '/v1/refused'), {
    status: 409,
    body: { protocol: 1, error: { code: 'busy', message: 'come back later' } },
  })
  t.match(await request(socket, 'GET', '/nowhere'), { status: 404 })
  t.match(await request(socket, 'POST', '/v1/ok'), {
    status: 405,
    body: { error: { message: /GET/ } },
  })
  t.same(faults, [])
  t.match(await request(socket, 'GET', '/v1/broken'), { status: 500 })
  t.match(faults, [/ours/])
})

t.test('junk: a clear error, and everybody else is served on', async (t) => {
  const { socket } = await serve(t)
  t.match(await request(socket, 'POST', '/v1/echo', '{"a":'), {
    status: 400,
    body: { error: { code: 'bad-json' } },
  })
  t.match(await request(socket, 'POST', '/v1/echo', 'x'.repeat(300_000)), { status: 413 })
  t.match(await raw(socket, '\u0016\u0003\u0001junk\r\n\r\n'), /^HTTP\/1\.1 400[\s\S]*"bad-http"/)
  t.match(
    await raw(socket, `GET /v1/ok HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`),
    /^HTTP\/1\.1 400/,
  )
  const idle = createConnection(socket)
  const deaf = createConnection(socket, () => {
    deaf.write('GET /v1/stream HTTP/1.1\r\nhost: x\r\n\r\n')
    deaf.pause()
  })
  t.match(await request(socket, 'GET', '/v1/ok'), { status: 200 })
  idle.destroy()
  deaf.destroy()
})

t.test('a second daemon of the instance is refused; a dead one’s socket is replaced', async (t) => {
  const { socket } = await serve(t)
  await t.rejects(refuseSecond(socket), /another dpd/)
  await t.resolves(refuseSecond(`${socket}.absent`))
})
