/** A real redis-server, what MONITOR tells of it, and what it says the keys of a command are. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import { ENDS_WITH_US, until } from '../../../process.js'
import { ended, exchanged } from './one-connection.js'
import { array } from './redis-octets.js'

/** Words of one command, as MONITOR has them. */
export type Words = readonly string[]

export class RedisServer {
  #monitored: Words[] = []
  #monitorRest = ''
  #replies = ''
  #marks = 0

  private constructor(
    readonly path: string,
    readonly process: ChildProcess,
    readonly monitor: Socket,
    readonly admin: Socket,
  ) {
    monitor.on('data', (octets) => this.#monitorLines(octets.toString('latin1')))
    admin.on('data', (octets) => {
      this.#replies += octets.toString('latin1')
    })
  }

  static async start(dir: string): Promise<RedisServer> {
    const path = join(dir, 'redis.sock')
    const args = ['--port', '0', '--unixsocket', path, '--save', '', '--dir', dir]
    const command = [...ENDS_WITH_US, 'redis-server', ...args]
    const process = spawn('setpriv', command, { stdio: 'ignore' })
    await until('redis-server listens', () => existsSync(path))
    const [monitor, admin] = [createConnection(path), createConnection(path)]
    const server = new RedisServer(path, process, monitor, admin)
    monitor.write('MONITOR\r\n')
    return server
  }

  async stop(): Promise<void> {
    this.monitor.destroy()
    this.admin.destroy()
    await ended(this.process, 'SIGTERM')
  }

  /** The commands that it executed of these octets, one connection's. */
  async executed(octets: string): Promise<readonly Words[]> {
    await exchanged(this.path, octets)
    const mark = `mark-${this.#marks++}`
    this.admin.write(array(['ECHO', mark]))
    for (;;) {
      const end = this.#monitored.findIndex((words) => words[1] === mark)
      if (end >= 0) return this.#monitored.splice(0, end).filter(isNotOurs)
      await new Promise((resolve) => this.monitor.once('data', resolve))
    }
  }

  /** null = it doesn't say. */
  async keysOf(words: Words): Promise<Words | null> {
    this.#replies = ''
    this.admin.write(array(['COMMAND', 'GETKEYS', ...words]), 'latin1')
    for (;;) {
      const keys = this.#readKeys()
      if (keys !== undefined) return keys
      await new Promise((resolve) => this.admin.once('data', resolve))
    }
  }

  /** undefined = not there yet. */
  #readKeys(): Words | null | undefined {
    // Behind what ECHO was answered.
    const text = this.#replies.replace(/^(?:\$\d+\r\nmark-\d+\r\n)+/, '')
    if (text.startsWith('-') && text.endsWith('\r\n')) return null
    const head = /^\*(\d+)\r\n/.exec(text)
    if (head === null) return undefined
    const keys: string[] = []
    let at = head[0].length
    for (let left = Number(head[1]); left > 0; left--) {
      const length = /^\$(\d+)\r\n/.exec(text.slice(at))
      if (length === null) return undefined
      const begin = at + length[0].length
      at = begin + Number(length[1]) + 2
      if (at > text.length) return undefined
      keys.push(text.slice(begin, at - 2))
    }
    return keys
  }

  #monitorLines(text: string): void {
    const lines = (this.#monitorRest + text).split('\r\n')
    this.#monitorRest = lines.pop() ?? ''
    for (const line of lines) {
      const words = /^\+[\d.]+ \[\d+ (\S+)\] (.*)$/.exec(line)
      // What a script does is not the client's: of its keys nothing is sure.
      if (words !== null && words[1] !== 'lua') this.#monitored.push(unquoted(words[2] ?? ''))
    }
  }
}

/** Of the administrator's connection. */
const isNotOurs = ([name, second = '']: Words): boolean =>
  name !== 'COMMAND' && !(name === 'ECHO' && second.startsWith('mark-'))

const NAMED: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b' }

const unquoted = (line: string): Words =>
  [...line.matchAll(/"((?:\\.|[^"\\])*)"/g)].map(([, word = '']) =>
    word.replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex: string | undefined, letter: string) =>
      hex === undefined ? (NAMED[letter] ?? letter) : String.fromCharCode(Number.parseInt(hex, 16)),
    ),
  )
