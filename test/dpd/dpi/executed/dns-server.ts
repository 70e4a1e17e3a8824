/** A real dnsmasq with names of its own and nobody to ask, in a port of the loopback. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { createConnection, createServer } from 'node:net'
import { ENDS_WITH_US, until } from '../../../process.js'
import { nameOctets } from './dns-octets.js'
import { ended } from './one-connection.js'

/** No query of the survey asks for it. */
const LAST_ID = 0x7e7e
const LAST = Buffer.from([
  ...[LAST_ID >> 8, LAST_ID & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0],
  ...nameOctets(['last', 'good', 'example']),
  ...[0, 1, 0, 1],
])
const isLast = (reply: Buffer): boolean =>
  reply.length > 30 && reply.readUInt16BE(0) === LAST_ID && reply.indexOf('\x04last') === 12

export class DnsServer {
  #replies: Buffer[] = []
  #wake: () => void = () => {}

  private constructor(
    readonly port: number,
    readonly socket: Socket,
    readonly process: ChildProcess | null,
  ) {
    socket.on('message', (reply) => {
      this.#replies.push(reply)
      this.#wake()
    })
  }

  static async start(): Promise<DnsServer> {
    const port = await freePort()
    const args = [
      '-k',
      '-C',
      '/dev/null',
      '-p',
      `${port}`,
      '-i',
      'lo',
      '-a',
      '127.0.0.1',
      '-u',
      'root',
    ]
    const data = [
      '--bind-interfaces',
      '--no-resolv',
      '--no-hosts',
      '--address=/good.example/192.0.2.3',
    ]
    const process = spawn('setpriv', [...ENDS_WITH_US, 'dnsmasq', ...args, ...data], {
      stdio: 'ignore',
    })
    const server = await DnsServer.at(port, process)
    await until('dnsmasq listens', () => isOpen(port))
    return server
  }

  /** One that runs already. */
  static async at(port: number, process: ChildProcess | null = null): Promise<DnsServer> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    return new DnsServer(port, socket, process)
  }

  async stop(): Promise<void> {
    this.socket.close()
    if (this.process !== null) await ended(this.process, 'SIGTERM')
  }

  /** What it replies to a datagram: it takes them one after another. */
  async ask(datagram: Uint8Array): Promise<readonly Buffer[]> {
    this.#replies = []
    this.socket.send(datagram, this.port, '127.0.0.1')
    this.socket.send(LAST, this.port, '127.0.0.1')
    while (!this.#replies.some(isLast)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#replies.filter((reply) => !isLast(reply))
  }

  /** What it replies on a connection that then ends. */
  async converse(octets: Uint8Array): Promise<readonly Buffer[]> {
    const chunks: Buffer[] = []
    await new Promise<void>((resolve) => {
      const socket = createConnection(this.port, '127.0.0.1')
      socket.on('data', (chunk) => chunks.push(chunk))
      socket.on('error', () => {})
      socket.on('close', () => resolve())
      socket.end(octets)
    })
    const all = Buffer.concat(chunks)
    const replies: Buffer[] = []
    for (let at = 0; at + 2 <= all.length; ) {
      const end = at + 2 + all.readUInt16BE(at)
      replies.push(all.subarray(at + 2, end))
      at = end
    }
    return replies
  }
}

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })

/** Of both transports, as good as for sure: those of one are seldom taken in the other. */
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        resolve(typeof address === 'object' && address !== null ? address.port : 0),
      )
    })
  })
