/** A session with a real MariaDB whose octets an Inspection sees as well. */
import { SeenConnection } from './seen-connection.js'

export const MULTI_STATEMENTS = 1 << 16
/** LONG_PASSWORD, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, MULTI_RESULTS, PLUGIN_AUTH. */
const CAPABILITIES = 1 | (1 << 3) | (1 << 9) | (1 << 13) | (1 << 15) | (1 << 17) | (1 << 19)
const MORE_RESULTS = 8

const u24 = (value: number): string =>
  String.fromCharCode(value & 255, (value >> 8) & 255, (value >> 16) & 255)
export const u32 = (value: number): string => u24(value) + String.fromCharCode((value >>> 24) & 255)
export const packet = (sequence: number, payload: string): string =>
  u24(payload.length) + String.fromCharCode(sequence) + payload
export const command = (code: number, body: string): string =>
  packet(0, String.fromCharCode(code) + body)
/** Of root, without a password. */
export const loginOf = (flags: number, charset: number, database: string): string =>
  `${u32(CAPABILITIES | flags)}${u32(1 << 24)}${String.fromCharCode(charset)}${'\0'.repeat(23)}root\0\0${database}\0mysql_native_password\0`
export const QUERY = 3
export const PREPARE = 0x16
export const EXECUTE = 0x17

/** Where in the reply to one command the server is. */
type Stage = 'first' | 'columns' | 'rows'

export class MysqlSession extends SeenConnection {
  #rows: string[] = []
  #stage: Stage = 'first'
  #prepares = false
  #left = 0
  #replied = 0
  /** Of the last reply that was one. */
  error = 0
  statement = 0

  static async open(path: string, flags: number, charset: number, database = 'shop') {
    const session = new MysqlSession(path)
    await session.until(() => session.rest !== '')
    session.rest = ''
    await session.say(packet(1, loginOf(flags, charset, database)))
    return session
  }

  /** Until the server has replied to the one command that `octets` are. */
  async say(octets: string) {
    this.facts = []
    this.#rows = []
    this.error = 0
    this.#stage = 'first'
    this.#prepares = octets.charCodeAt(4) === PREPARE
    const before = this.#replied
    this.send(octets)
    await this.until(() => this.#replied > before)
    return { facts: this.facts, rows: this.#rows }
  }

  protected take(): void {
    for (;;) {
      const length = Buffer.from(this.rest.slice(0, 3), 'latin1')
      if (length.length < 3) break
      const end = 4 + length.readUIntLE(0, 3)
      if (this.rest.length < end) break
      if (this.hasSent) this.#packet(this.rest.slice(4, end))
      else break
      this.rest = this.rest.slice(end)
    }
  }

  #packet(payload: string): void {
    const type = payload.charCodeAt(0)
    const isEof = type === 0xfe && payload.length < 9
    if (type === 0xff && this.#stage !== 'columns') {
      this.error = payload.charCodeAt(1) | (payload.charCodeAt(2) << 8)
      this.#replied++
    } else if (this.#stage === 'first') this.#first(type, payload)
    else if (this.#prepares) this.#definition()
    else if (isEof && this.#stage === 'columns') this.#stage = 'rows'
    else if (isEof) this.#ends(payload.charCodeAt(3))
    else if (this.#stage === 'rows') this.#rows.push(payload)
  }

  #first(type: number, payload: string): void {
    if (this.#prepares) {
      const reader = Buffer.from(payload, 'latin1')
      this.statement = reader.readUInt32LE(1)
      const counts = [reader.readUInt16LE(5), reader.readUInt16LE(7)]
      this.#left = counts.reduce((sum, count) => sum + (count > 0 ? count + 1 : 0), 0)
      this.#stage = 'columns'
      if (this.#left === 0) this.#replied++
    } else if (type !== 0) {
      this.#stage = 'columns'
    } else {
      // Counts below 251 are an octet each.
      const numbers = Buffer.from(payload, 'latin1')
      this.#ends(numbers[1] !== undefined && numbers[1] < 251 ? (numbers[3] ?? 0) : 0)
    }
  }

  #definition(): void {
    this.#left--
    if (this.#left === 0) this.#replied++
  }

  #ends(status: number): void {
    this.#stage = 'first'
    if ((status & MORE_RESULTS) === 0) this.#replied++
  }
}
