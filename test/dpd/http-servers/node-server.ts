import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createServer2, type Http2ServerRequest } from 'node:http2'
import type { Server, Socket } from 'node:net'
import { type Handled, type HttpServer, serverAddress } from './server.js'

const STATUS = 200

interface Answer {
  writeHead(status: number): unknown
  end(text: string): unknown
}

/** Node's own parsers; what an application makes of the target is its own affair, so the usual ways are told. */
export async function startNodeServer(): Promise<HttpServer> {
  const handled = new Map<string, Handled[]>()
  const sockets = new Set<Socket>()
  const take = (
    request: IncomingMessage | Http2ServerRequest,
    host: string | null,
    answer: Answer,
  ) => {
    const client = request.socket?.remoteAddress ?? ''
    const { method = '', url = '' } = request
    const one = { method, paths: pathsOf(url), host, status: STATUS }
    const before = handled.get(client)
    if (before === undefined) handled.set(client, [one])
    else before.push(one)
    request.resume().on('end', () => {
      answer.writeHead(STATUS)
      answer.end(`${method} ${url}\n`)
    })
  }
  const http1 = createServer((request, answer) =>
    take(request, request.headers.host ?? null, answer),
  )
  const http2 = createServer2((request, answer) => {
    const { headers, authority } = request
    take(request, authority ?? headers.host ?? null, answer)
  })
  const servers: readonly Server[] = [http1, http2 as unknown as Server]
  const ports: number[] = []
  for (const server of servers) {
    server.on('connection', (socket) => {
      sockets.add(socket.on('close', () => sockets.delete(socket)))
    })
    server.listen(0, serverAddress())
    await once(server, 'listening')
    const bound = server.address()
    ports.push(bound !== null && typeof bound === 'object' ? bound.port : 0)
  }
  return {
    name: 'node',
    address: serverAddress(),
    ports: { http1: ports[0] ?? 0, http2: ports[1] ?? 0 },
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await Promise.all(servers.map((server) => once(server.close(), 'close')))
      return handled
    },
  }
}

/** As routers that compare what was sent, and as those that go by the URL standard. */
function pathsOf(url: string): readonly string[] {
  const sent = decoded(/^[^?#]*/.exec(url.replace(/^[a-z]+:\/\/[^/?#]*/i, ''))?.[0] ?? '')
  const paths = [sent === '' ? '/' : sent]
  if (URL.canParse(url, 'http://base')) paths.push(decoded(new URL(url, 'http://base').pathname))
  return paths
}

const decoded = (path: string): string =>
  path.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
