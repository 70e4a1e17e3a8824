/** Runs of sockets.py inside pods. */
import { join } from 'node:path'
import type { Pod } from '../../node.js'
import { root } from '../../root.js'

/** Debian's own: a version manager's wrapper starts a shell for each call. */
const PYTHON = '/usr/bin/python3'
const PROGRAM = join(root, 'test/system/odd/sockets.py')
const ANY = { 4: '0.0.0.0', 6: '::' } as const
export type Family = 4 | 6
export const FAMILIES: readonly Family[] = [4, 6]

export type Heard = readonly [octets: number, head: string][]

async function call<T>(pod: Pod, verb: string, given: object): Promise<T> {
  const { stdout, stderr } = await pod.exec(PYTHON, [PROGRAM, verb, JSON.stringify(given)])
  if (stdout === '') throw new Error(`${pod.name}: ${verb}: ${stderr}`)
  return JSON.parse(stdout) as T
}

/** Until the node closes. */
export async function startStreamEcho(pod: Pod, port: number, log: string): Promise<void> {
  pod.serve(PYTHON, [PROGRAM, 'echo', JSON.stringify({ port })], log)
  await pod.listening(port)
}

/** Whether all octets came back as they were; else how it ended. */
export async function streamed(
  pod: Pod,
  host: string,
  port: number,
  octets = 2_000_000,
): Promise<string> {
  type Digests = { sent: string; back: string; error?: string }
  const { sent, back, error } = await call<Digests>(pod, 'stream', { host, port, octets })
  if (error !== undefined) return error
  return sent === back ? 'equal' : 'different'
}

export interface Listening {
  readonly port: number
  readonly family: Family
  readonly groups?: readonly string[]
  readonly ifName?: string
  readonly count?: number
}

/** What the socket heard while `action` ran, up to `count` datagrams or one that says end. */
export async function heard(
  pod: Pod,
  { port, family, groups = [], ifName = 'eth0', count = 1 }: Listening,
  action: () => Promise<unknown>,
): Promise<Heard> {
  const any = ANY[family]
  const all = call<Heard>(pod, 'receive', { any, port, groups, ifname: ifName, count })
  await pod.listening(port, 'udp')
  await action()
  return all
}

/** The number sent, or the socket's error. */
export function send(
  pod: Pod,
  to: { readonly host: string; readonly port: number },
  texts: readonly string[],
  octets = 0,
  ifName = 'eth0',
): Promise<number | { readonly error: string }> {
  return call(pod, 'send', { ...to, texts, octets, ifname: ifName })
}

/** Datagrams of `octets` by UDP_SEGMENT (linux/udp.h), `each` by one call. */
export function sendSegmented(
  pod: Pod,
  to: { readonly host: string; readonly port: number },
  datagrams: { readonly octets: number; readonly each: number; readonly rounds: number },
): Promise<number> {
  return call(pod, 'segment', { ...to, ...datagrams })
}

/** Two full packets that must not be cut: how many were answered. */
export async function pinged(pod: Pod, host: string, mtuOctets: number): Promise<string> {
  const heads = host.includes(':') ? 48 : 28
  const size = String(mtuOctets - heads)
  const args = ['-M', 'do', '-s', size, '-c', '2', '-i', '0.05', '-W', '3', host]
  const { stdout, stderr } = await pod.exec('ping', args)
  return /(\d+ received)/.exec(stdout)?.[1] ?? `${stdout}${stderr}`
}
