/** Traffic between the namespaces of a topology, each sort with what came of it. */
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Netns, until } from '../../netns.js'
import { root } from '../../root.js'

const FRAMES = join(root, 'test/system/pipe/frames.py')
const DEADLINE_MS = 30_000

export interface Running {
  readonly child: ChildProcess
  /** All of stdout so far. */
  output(): string
  /** Resolves to stdout when the process ended by itself. */
  readonly done: Promise<string>
}

export function start(netns: Netns, command: string, args: readonly string[]): Running {
  const child = netns.spawn(command, args)
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const done = new Promise<string>((resolve) => {
    child.on('close', () => resolve(output + errors))
  })
  return { child, output: () => output, done }
}

/** A verb of frames.py, until the test's end or until killed. */
export async function serveFrames(t: Test, netns: Netns, ...args: string[]): Promise<Running> {
  const running = start(netns, 'python3', [FRAMES, ...args])
  t.teardown(async () => {
    running.child.kill('SIGKILL')
    await running.done
  })
  await until(
    `frames.py ${args.join(' ')} ready`,
    () => running.output().startsWith('ready'),
    DEADLINE_MS,
  )
  return running
}

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

/**
 * What arrives at `receiver` of `frames` sent from `sender`; the `sentinel`, one more frame that the
 * path carries, ends it: what was to come has come by then.
 */
export async function exchange(
  sender: Port,
  receiver: Port,
  frames: readonly string[],
  sentinel: string,
): Promise<Captured[]> {
  const side = ({ netns, ifName }: Port) => ({ netns: netns.path, ifName })
  const call = { sender: side(sender), receiver: side(receiver), frames, sentinel }
  const text = await start(receiver.netns, 'python3', [FRAMES, 'exchange', JSON.stringify(call)])
    .done
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [type, tci, hex] = /^(\d) (-?\d+) ([0-9a-f]+)$/.exec(line)?.slice(1) ?? []
      if (hex === undefined) throw new Error(line)
      return { type: Number(type), tci: Number(tci), hex }
    })
}

export interface UdpCount {
  readonly sent: number
  readonly lost: number
  readonly duplicates: number
}

/** Numbered datagrams, echoed by `serveFrames(…, 'udp-echo', to)`. */
export function countUdp(
  netns: Netns,
  to: string,
  datagrams: number,
  intervalMicros: number,
): Promise<UdpCount> {
  const args = [FRAMES, 'udp-count', to, String(datagrams), String(intervalMicros)]
  return start(netns, 'python3', args).done.then((text) => JSON.parse(text) as UdpCount)
}

/** Octets of a TCP stream that arrived as sent, by `serveFrames(…, 'tcp-serve', to)`. */
export async function streamTcp(
  netns: Netns,
  to: string,
  octets: number,
  towards: 'server' | 'client',
): Promise<number> {
  const verb = towards === 'server' ? 'give' : 'take'
  const text = await start(netns, 'python3', [FRAMES, 'tcp-stream', to, String(octets), verb]).done
  return Number.parseInt(text, 10)
}
