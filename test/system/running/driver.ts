/** Traffic that runs all through a test, and what came of it since it was asked last. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { Pod } from '../../node.js'
import { ENDS_WITH_US } from '../../process.js'
import { root } from '../../root.js'

const SCRIPT = join(root, 'test/system/running/traffic.py')

interface Stream {
  readonly error: string | null
  readonly turns: number
  readonly slowestMs: number
  readonly retransmits: number
}
interface Datagrams {
  readonly sent: number
  readonly lost: number
}
export interface Told {
  readonly tcp4: Stream
  readonly tcp6: Stream
  readonly udp4: Datagrams
  readonly udp6: Datagrams
  readonly bound: Datagrams
  readonly ping4: Datagrams
  readonly ping6: Datagrams
  readonly group: { readonly received: number; readonly lost: number }
}

export const DATAGRAMS = ['udp4', 'udp6', 'bound', 'ping4', 'ping6'] as const
export const STREAMS = ['tcp4', 'tcp6'] as const

export class Traffic {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #lines: NodeJS.ReadableStream & AsyncIterable<string>

  constructor(pod: Pod, peer: Pod) {
    const command = [`--net=${pod.netnsPath}`, 'python3', SCRIPT, 'drive', peer.ip4, peer.ip6]
    this.#child = spawn('setpriv', [...ENDS_WITH_US, 'nsenter', ...command], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#lines = createInterface({ input: this.#child.stdout }) as never
  }

  /** When what was sent before the call is answered or lost. */
  async told(): Promise<Told> {
    this.#child.stdin.write('\n')
    const [line] = (await once(this.#lines, 'line')) as [string]
    return JSON.parse(line) as Told
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }
}

export async function servePeer(peer: Pod, log: string): Promise<void> {
  peer.serve('python3', [SCRIPT, 'serve'], log)
  await peer.listening(7000)
}

/** Both of /proc/net/netstat and snmp: `TcpExt` and `Tcp` by name. */
export async function tcpCounters(pod: Pod): Promise<ReadonlyMap<string, number>> {
  const { stdout } = await pod.exec('cat', [
    '/proc/thread-self/net/netstat',
    '/proc/thread-self/net/snmp',
  ])
  const lines = stdout.split('\n').map((line) => line.split(' '))
  const counters = new Map<string, number>()
  for (const [at, names] of lines.entries()) {
    const values = lines[at + 1] ?? []
    if (!/^Tcp(Ext)?:$/.test(names[0] ?? '') || values[0] !== names[0] || names[1] === undefined)
      continue
    if (/^\d/.test(names[1])) continue
    names.forEach((name, i) => void counters.set(name, Number(values[i])))
  }
  return counters
}
