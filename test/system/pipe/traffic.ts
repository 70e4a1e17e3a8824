/** Frames and flows between namespaces, made by one run of frames.py. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import type { Netns } from '../../netns.js'
import { root } from '../../root.js'

/** Debian's own: a version manager's wrapper starts a shell for each call. */
const PYTHON = '/usr/bin/python3'

export interface Captured {
  /** linux/if_packet.h: 0 host, 1 broadcast, 2 multicast, 3 other host. */
  readonly type: number
  /** -1 = untagged. */
  readonly tci: number
  readonly hex: string
}

export interface Port {
  readonly netns: Netns
  readonly ifName: string
}

export interface UdpCount {
  readonly sent: number
  readonly lost: number
  readonly duplicates: number
}

interface Answer {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

interface Waiting {
  resolve(result: unknown): void
  reject(error: Error): void
}

export interface Running {
  stop(): Promise<void>
  /** Until an echo has no frame waiting: as the engine acknowledges that it has drained. */
  drain(): Promise<void>
}

export class Traffic {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #waiting = new Map<number, Waiting>()
  #calls = 0

  constructor(t: Test) {
    const child = spawn(PYTHON, [join(root, 'test/system/pipe/frames.py')])
    this.#child = child
    child.stderr.setEncoding('utf8').on('data', (text: string) => t.comment(text))
    createInterface(child.stdout).on('line', (line) => this.#settle(JSON.parse(line) as Answer))
    const closed = new Promise((resolve) => child.on('close', resolve))
    t.teardown(async () => {
      child.kill('SIGKILL')
      await closed
    })
  }

  #settle({ id, result, error }: Answer): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(result)
    else waiting?.reject(new Error(`frames.py: ${error}`))
  }

  #call(verb: string, call: Readonly<Record<string, unknown>>): Promise<unknown> {
    const id = this.#calls++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#child.stdin.write(`${JSON.stringify({ id, verb, ...call })}\n`)
    })
  }

  async #start(verb: string, call: Readonly<Record<string, unknown>>): Promise<Running> {
    const target = this.#calls
    await this.#call(verb, call)
    return {
      stop: async () => {
        await this.#call('stop', { target })
      },
      drain: async () => {
        await this.#call('drain', { target })
      },
    }
  }

  /** Sends each marked frame back: the inspection without an engine. */
  echo({ netns, ifName }: Port): Promise<Running> {
    return this.#start('echo', { netns: netns.path, ifName })
  }

  /** Stamps an existing heartbeat file ten times a second. */
  stamp(path: string): Promise<Running> {
    return this.#start('stamp', { path })
  }

  async serve(netns: Netns, addresses: readonly string[]): Promise<void> {
    await this.#call('serve', { netns: netns.path, addresses })
  }

  /**
   * What arrives at `receiver` of `frames` sent from `sender`; the `sentinel`, one more frame that
   * the path carries, ends it: what was to come has come by then.
   */
  async exchange(
    sender: Port,
    receiver: Port,
    frames: readonly string[],
    sentinel: string,
  ): Promise<Captured[]> {
    const result = await this.#call('exchange', {
      netns: sender.netns.path,
      ifName: sender.ifName,
      receiver: { netns: receiver.netns.path, ifName: receiver.ifName },
      frames,
      sentinel,
    })
    return (result as [number, number, string][]).map(([type, tci, hex]) => ({ type, tci, hex }))
  }

  /**
   * Numbered datagrams, echoed by `serve`; a window keeps them below what a socket's buffer holds.
   * Those of a window are lost when none comes back for `patienceMs`.
   */
  async udp(
    netns: Netns,
    address: string,
    flow: {
      readonly datagrams: number
      readonly intervalMicros: number
      readonly patienceMs: number
    },
  ): Promise<UdpCount> {
    const call = { netns: netns.path, address, ...flow }
    return (await this.#call('udp', call)) as UdpCount
  }

  /** Octets of a stream that arrived as sent; `give` = towards the server. */
  async tcp(
    netns: Netns,
    address: string,
    octets: number,
    direction: 'give' | 'take',
  ): Promise<number> {
    return (await this.#call('tcp', { netns: netns.path, address, octets, direction })) as number
  }
}
