/** A connection to a real PostgreSQL whose octets an Inspection sees as well. */
import { createConnection, type Socket } from 'node:net'
import { fromLatin1, latin1 } from '../../../../src/core/bytes.js'
import type { Fact } from '../../../../src/core/inspect/contract.js'
import { registry } from '../../../../src/dpd/dpi/registry.js'
import { Inspection } from '../../../../src/dpd/dpi/stream.js'
import { viewOf } from '../deliver.js'

export interface ServerMessage {
  readonly type: string
  readonly body: string
}

export const u32 = (value: number): string =>
  String.fromCharCode((value >>> 24) & 255, (value >> 16) & 255, (value >> 8) & 255, value & 255)
const u16 = (value: number): string => String.fromCharCode((value >> 8) & 255, value & 255)
export const message = (type: string, body: string): string => type + u32(body.length + 4) + body

export const query = (text: string): string => message('Q', `${text}\0`)
export const parse = (name: string, text: string): string =>
  message('P', `${name}\0${text}\0${u16(0)}`)
export const bind = (portal: string, name: string): string =>
  message('B', `${portal}\0${name}\0${u16(0)}${u16(0)}${u16(0)}`)
export const execute = (portal: string): string => message('E', `${portal}\0${u32(0)}`)
export const close = (kind: 'S' | 'P', name: string): string => message('C', `${kind}${name}\0`)
export const SYNC = message('S', '')

export class PostgresqlSession {
  readonly inspection = new Inspection(viewOf('tcp'), registry)
  readonly #at = { orig: 0, reply: 0 }
  #facts: Fact[] = []
  #messages: ServerMessage[] = []
  #rest = ''
  #ready = 0
  #wake: () => void = () => {}
  closed = false

  private constructor(readonly socket: Socket) {
    socket.on('data', (octets) => this.#received(octets))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.#wake()
    })
  }

  static async open(path: string, parameters: Readonly<Record<string, string>>) {
    const session = new PostgresqlSession(createConnection(path))
    const named = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`)
    const start = `${u32(196_608)}${named.join('')}\0`
    await session.say(u32(start.length + 4) + start, 1)
    return session
  }

  /** Until the server has been ready `times` more often; what it said, and what was told of it. */
  async say(octets: string, times: number) {
    this.#facts = []
    this.#messages = []
    const before = this.#ready
    this.#see('orig', fromLatin1(octets))
    this.socket.write(octets, 'latin1')
    while (this.#ready < before + times && !this.closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return { facts: this.#facts, messages: this.#messages }
  }

  end(): void {
    this.socket.destroy()
  }

  #see(dir: 'orig' | 'reply', octets: Uint8Array): void {
    const outcome = this.inspection.octets(dir, this.#at[dir], octets, false)
    this.#at[dir] += octets.length
    for (const { fact } of outcome.facts) this.#facts.push(fact)
  }

  #received(octets: Buffer): void {
    this.#see('reply', Uint8Array.from(octets))
    this.#rest += latin1(octets)
    for (;;) {
      if (this.#rest.length < 5) break
      const length = Buffer.from(this.#rest.slice(1, 5), 'latin1').readUInt32BE()
      if (this.#rest.length < length + 1) break
      const type = this.#rest[0] ?? ''
      this.#messages.push({ type, body: this.#rest.slice(5, length + 1) })
      this.#rest = this.#rest.slice(length + 1)
      if (type === 'Z') this.#ready++
    }
    this.#wake()
  }
}
