/** A real server that tells which requests it handled. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { latin1 } from '../../../src/core/bytes.js'
import { ServerProcess } from './server-process.js'

export interface Handled {
  readonly method: string
  /** As each way of serving it would look for it, one character per octet. */
  readonly paths: readonly string[]
  /** null = the server says none. */
  readonly host: string | null
  readonly status: number
}

/** By the address that the client had. */
export type HandledBy = ReadonlyMap<string, readonly Handled[]>

export interface HttpServer {
  readonly name: string
  readonly address: string
  readonly ports: { readonly http1: number; readonly http2?: number }
  /** Nothing is handled any more. */
  stop(): Promise<HandledBy>
}

/** In 127/8, so that no two processes meet: 127.64.0.0 and above are servers', what is below clients'. */
export function serverAddress(): string {
  const { pid } = process
  return `127.${64 + ((pid >> 16) & 63)}.${(pid >> 8) & 255}.${pid & 255}`
}

export function clientAddress(number: number): string {
  return `127.${1 + ((number >> 16) & 31)}.${(number >> 8) & 255}.${number & 255}`
}

export interface Logged {
  readonly name: string
  readonly http1: number
  readonly http2?: number
  /** The configuration's text, and the command line. */
  configure(folder: string, address: string): string
  command(configuration: string, folder: string): readonly string[]
  /** Of a line of `log` in the folder; null = no request that was handled. */
  read(columns: readonly string[]): Handled | null
}

/** A server that has its log written when it ends. */
export async function startLogged(logged: Logged): Promise<HttpServer> {
  const folder = mkdtempSync(join(tmpdir(), `vethwall-${logged.name}-`))
  const address = serverAddress()
  const configuration = logged.configure(folder, address)
  const child = new ServerProcess(logged.command(configuration, folder))
  await child.until(() => canConnect(address, logged.http1))
  return {
    name: logged.name,
    address,
    ports: {
      http1: logged.http1,
      ...(logged.http2 === undefined ? {} : { http2: logged.http2 }),
    },
    stop: async () => {
      await child.stop()
      const handled = readLog(join(folder, 'log'), logged)
      rmSync(folder, { recursive: true })
      return handled
    },
  }
}

/** Tab-separated, the client's address first. */
function readLog(file: string, logged: Logged): HandledBy {
  const handled = new Map<string, Handled[]>()
  for (const line of latin1(readFileSync(file)).split('\n')) {
    const [client = '', ...columns] = line.split('\t').map(unescaped)
    const one = columns.length > 0 ? logged.read(columns) : null
    if (one === null) continue
    const before = handled.get(client)
    if (before === undefined) handled.set(client, [one])
    else before.push(one)
  }
  return handled
}

const NAMED: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
}

/** What servers write for octets that would break a line. */
function unescaped(text: string): string {
  return text.replace(
    /\\(?:x([0-9A-Fa-f]{2})|(.))/g,
    (_, hex: string | undefined, letter: string) =>
      hex === undefined ? (NAMED[letter] ?? letter) : String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

function canConnect(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.on('error', () => resolve(false))
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
