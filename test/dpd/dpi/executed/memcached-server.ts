/** A real memcached of one thread, and what its log (-vvv) tells of the commands that it read and the keys that it looked up. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { existsSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import { ENDS_WITH_US, until } from '../../../process.js'
import { ended, exchanged } from './one-connection.js'

export interface Deed {
  /** First word of a line, or the opcode of a binary request as `0x1a`. */
  readonly command: string
  readonly keys: readonly string[]
}

const MARK = 'mark-'
const LINE = /^<\d+ (.*)$/s
const KEY = /^> (?:FOUND KEY |NOT FOUND )(.*?)(?: -nuked by \w+)?$/s
const BINARY = 'Read binary protocol data:'
const HEADER_LINE = /^ {3,}0x80 0x([0-9a-f]{2})/
const BEGUN = /^(?:new \S+ client connection|server listening.*)$/
const CLOSED = 'connection closed.'

export class MemcachedServer {
  #log = ''
  #marks = 0
  #wake: () => void = () => {}

  private constructor(
    readonly process: ChildProcess,
    readonly path: string,
    readonly admin: Socket | null,
    readonly datagrams: DatagramSocket | null,
  ) {
    process.stderr?.on('data', (octets: Buffer) => {
      this.#log += octets.toString('latin1')
      this.#wake()
    })
    admin?.on('data', () => {})
    // The mark's ERROR, or that nobody listens yet.
    datagrams?.on('message', () => setImmediate(() => this.#wake()))
    datagrams?.on('error', () => setImmediate(() => this.#wake()))
  }

  static async start(dir: string): Promise<MemcachedServer> {
    const path = join(dir, 'memcached.sock')
    const process = spawned(['-s', path])
    await until('memcached listens', () => existsSync(path))
    return new MemcachedServer(process, path, createConnection(path), null)
  }

  /** With UDP alone. */
  static async startUdp(): Promise<MemcachedServer> {
    const port = await freePort()
    const process = spawned(['-l', '127.0.0.1', '-p', '0', '-U', String(port)])
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', resolve))
    const server = new MemcachedServer(process, '', null, socket)
    await server.executedDatagram('')
    return server
  }

  async stop(): Promise<void> {
    this.admin?.destroy()
    this.datagrams?.close()
    await ended(this.process, 'SIGTERM')
  }

  /** What it answered the last connection. */
  answer = ''

  /** What it did of these octets, one connection's. */
  async executed(octets: string): Promise<readonly Deed[]> {
    this.answer = await exchanged(this.path, octets)
    const mark = `${MARK}${this.#marks++}.`
    this.admin?.write(`${mark}\r\n`)
    while (!this.#log.includes(`${mark}\n`)) await this.#more()
    return this.#taken(mark)
  }

  /** What it did of a datagram. A data block that is not whole takes later ones: marks, until one is read. */
  async executedDatagram(datagram: string): Promise<readonly Deed[]> {
    this.datagrams?.send(Buffer.from(datagram, 'latin1'))
    const mark = `${MARK}${this.#marks++}.`
    await until('memcached reads a datagram', async () => {
      this.datagrams?.send(Buffer.from(`\0\0\0\0\0\x01\0\0${mark}\r\n`, 'latin1'))
      await this.#more()
      return this.#log.includes(`${mark}\n`)
    })
    return this.#taken(mark)
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  #taken(mark: string): readonly Deed[] {
    const end = this.#log.indexOf(`${mark}\n`)
    const lines = this.#log.slice(0, end).split('\n')
    this.#log = this.#log.slice(end + mark.length + 1)
    // The last is the mark's beginning.
    return deedsOf(lines.slice(0, -1).filter((line) => !line.includes(MARK)))
  }
}

const spawned = (args: readonly string[]): ChildProcess =>
  spawn(
    'setpriv',
    [...ENDS_WITH_US, 'memcached', '-u', 'root', '-t', '1', '-m', '64', '-vvv', ...args],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )

async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(resolve))
  return port
}

function deedsOf(lines: readonly string[]): Deed[] {
  const deeds: { command: string; keys: string[] }[] = []
  let isBinary = false
  for (const line of lines) {
    const [, text] = LINE.exec(line) ?? []
    const [, key] = KEY.exec(line) ?? []
    if (text === undefined) {
      if (key !== undefined) deeds.at(-1)?.keys.push(key)
    } else if (BEGUN.test(text)) isBinary = false
    else if (text === BINARY) isBinary = true
    else if (isBinary) {
      const [, opcode] = HEADER_LINE.exec(text) ?? []
      if (opcode !== undefined) deeds.push({ command: `0x${opcode}`, keys: [] })
    } else if (text !== CLOSED)
      deeds.push({ command: text.split(' ').find((word) => word !== '') ?? '', keys: [] })
  }
  return deeds
}
