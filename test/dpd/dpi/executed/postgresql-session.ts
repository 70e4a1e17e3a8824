/** A session with a real PostgreSQL whose octets an Inspection sees as well. */
import { SeenConnection } from './seen-connection.js'

export interface ServerMessage {
  readonly type: string
  readonly body: string
}

export const u32 = (value: number): string =>
  String.fromCharCode((value >>> 24) & 255, (value >> 16) & 255, (value >> 8) & 255, value & 255)
export const u16 = (value: number): string => String.fromCharCode((value >> 8) & 255, value & 255)
export const message = (type: string, body: string): string => type + u32(body.length + 4) + body

export const query = (text: string): string => message('Q', `${text}\0`)
export const parse = (name: string, text: string): string =>
  message('P', `${name}\0${text}\0${u16(0)}`)
export const bind = (portal: string, name: string): string =>
  message('B', `${portal}\0${name}\0${u16(0)}${u16(0)}${u16(0)}`)
export const execute = (portal: string): string => message('E', `${portal}\0${u32(0)}`)
export const SYNC = message('S', '')

export class PostgresqlSession extends SeenConnection {
  #messages: ServerMessage[] = []
  #ready = 0

  static async open(path: string, parameters: Readonly<Record<string, string>>) {
    const session = new PostgresqlSession(path)
    const named = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`)
    const start = `${u32(196_608)}${named.join('')}\0`
    await session.say(u32(start.length + 4) + start, 1)
    return session
  }

  /** Until the server has been ready `times` more often; what it said, and what was told of it. */
  async say(octets: string, times: number) {
    this.facts = []
    this.#messages = []
    const before = this.#ready
    this.send(octets)
    await this.until(() => this.#ready >= before + times)
    return { facts: this.facts, messages: this.#messages }
  }

  /** Until what it has said since is enough. */
  async sayUntil(octets: string, isEnough: (said: readonly ServerMessage[]) => boolean) {
    this.facts = []
    this.#messages = []
    this.send(octets)
    await this.until(() => isEnough(this.#messages))
    return { facts: this.facts, messages: this.#messages }
  }

  protected take(): void {
    for (;;) {
      if (this.rest.length < 5) break
      const length = Buffer.from(this.rest.slice(1, 5), 'latin1').readUInt32BE()
      if (this.rest.length < length + 1) break
      const type = this.rest[0] ?? ''
      this.#messages.push({ type, body: this.rest.slice(5, length + 1) })
      this.rest = this.rest.slice(length + 1)
      if (type === 'Z') this.#ready++
    }
  }
}
