/** A real mosquitto, and what its log (log_type all) tells of the packets that it took. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import { ENDS_WITH_US, until } from '../../../process.js'
import { connectPacket, publishPacket } from './mqtt-octets.js'
import { ended, exchanged } from './one-connection.js'

export interface Deed {
  readonly packet: 'CONNECT' | 'PUBLISH' | 'SUBSCRIBE' | 'UNSUBSCRIBE'
  readonly clientId: string
  /** Of CONNECT the will's. */
  readonly topics: readonly string[]
}

const MARK = 'mark/'
const CONNECTED =
  /^New (?:client|bridge) connected from .* as (.*) \(p\d+, c\d, k\d+(?:, u'.*')?\)\.$/
const RECEIVED = /^Received (SUBSCRIBE|UNSUBSCRIBE) from (.*)$/
const PUBLISHED =
  /^Received PUBLISH from (.*) \(d\d, q\d, r\d, m\d+, '(.*)', \.\.\. \(\d+ bytes\)\)$/
const LISTED = /^\t(.*?)(?: \(QoS \d\))?$/

export class MosquittoServer {
  #log = ''
  #marks = 0
  #wake: () => void = () => {}

  private constructor(
    readonly process: ChildProcess,
    readonly path: string,
    readonly admin: Socket,
  ) {
    process.stderr?.on('data', (octets: Buffer) => {
      this.#log += octets.toString('utf8')
      this.#wake()
    })
    admin.on('data', () => {})
    admin.write(Buffer.from(connectPacket(4, 'admin'), 'latin1'))
  }

  static async start(dir: string): Promise<MosquittoServer> {
    const path = join(dir, 'mosquitto.sock')
    const conf = join(dir, 'mosquitto.conf')
    writeFileSync(
      conf,
      `listener 0 ${path}\nuser root\nallow_anonymous true\nlog_dest stderr\nlog_type all\nlog_timestamp false\n`,
    )
    const process = spawn('setpriv', [...ENDS_WITH_US, 'mosquitto', '-c', conf], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    await until('mosquitto listens', () => existsSync(path))
    return new MosquittoServer(process, path, createConnection(path))
  }

  async stop(): Promise<void> {
    this.admin.destroy()
    await ended(this.process, 'SIGTERM')
  }

  /** What it did of these octets, one connection's. */
  async executed(octets: string): Promise<readonly Deed[]> {
    await exchanged(this.path, octets)
    const topic = `${MARK}${this.#marks++}`
    const mark = `'${topic}', ... (0 bytes))\n`
    this.admin.write(Buffer.from(publishPacket(4, topic), 'latin1'))
    while (!this.#log.includes(mark)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const end = this.#log.indexOf(mark) + mark.length
    const lines = this.#log.slice(0, end).split('\n')
    this.#log = this.#log.slice(end)
    return deedsOf(lines).filter(({ clientId }) => clientId !== 'admin')
  }

  /** Which of these topics a subscription of this filter gets, published by the same client. */
  async delivered(session: string): Promise<readonly string[]> {
    let received = Buffer.alloc(0)
    await new Promise<void>((resolve) => {
      const socket = createConnection(this.path)
      socket.on('error', () => {})
      socket.on('close', () => resolve())
      socket.on('data', (octets) => {
        received = Buffer.concat([received, octets])
        if (received.includes(PINGRESP)) socket.destroy()
      })
      socket.write(Buffer.from(`${session}${PINGREQ}`, 'latin1'))
    })
    return topicsOf(received)
  }
}

const PINGREQ = '\xc0\0'
const PINGRESP = Buffer.of(0xd0, 0)

/** Of packets shorter than 128 octets. */
function topicsOf(octets: Buffer): string[] {
  const topics: string[] = []
  for (let at = 0; at + 1 < octets.length; at += 2 + (octets[at + 1] ?? 0)) {
    if (octets[at] === 0x30)
      topics.push(octets.toString('utf8', at + 4, at + 4 + octets.readUInt16BE(at + 2)))
  }
  return topics
}

function deedsOf(lines: readonly string[]): Deed[] {
  const deeds: (Deed & { readonly topics: string[] })[] = []
  for (const line of lines) {
    const [, connected] = CONNECTED.exec(line) ?? []
    const [, packet, from = ''] = RECEIVED.exec(line) ?? []
    const [, publisher, topic = ''] = PUBLISHED.exec(line) ?? []
    const [, listed] = LISTED.exec(line) ?? []
    if (connected !== undefined) deeds.push({ packet: 'CONNECT', clientId: connected, topics: [] })
    else if (publisher !== undefined)
      deeds.push({ packet: 'PUBLISH', clientId: publisher, topics: [topic] })
    else if (packet === 'SUBSCRIBE' || packet === 'UNSUBSCRIBE')
      deeds.push({ packet, clientId: from, topics: [] })
    else if (listed !== undefined) deeds.at(-1)?.topics.push(listed)
  }
  return deeds
}
