/** Test network namespaces and veth pairs: unique names, gone at the test's teardown. */
import { type ExecFileSyncOptions, execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import type { Test } from 'tap'

let counter = 0

/** Never the same twice on a machine: process id and a count. At most 15 characters (IFNAMSIZ). */
export function uniqueName(prefix: string): string {
  return `${prefix}${process.pid.toString(36)}${(counter++).toString(36)}`
}

/** Runs a command; stdout as text. Its stderr is in the error. */
export function run(command: string, args: readonly string[], more?: ExecFileSyncOptions): string {
  const stdio = ['pipe', 'pipe', 'pipe'] as const
  return String(execFileSync(command, [...args], { stdio: [...stdio], ...more }))
}

/** `ip` with one string of arguments, split at spaces. */
export function ip(args: string): string {
  return run('ip', args.split(' '))
}

export class Netns {
  readonly path: string
  #fd = -1

  constructor(
    readonly name: string,
    readonly owned: boolean,
  ) {
    this.path = `/run/netns/${name}`
  }

  /** Open until the teardown. */
  get fd(): number {
    if (this.#fd < 0) this.#fd = openSync(this.path, 'r')
    return this.#fd
  }

  ip(args: string): string {
    return ip(`-n ${this.name} ${args}`)
  }

  /** `ip -j`, parsed. */
  ipJson<T = Record<string, unknown>[]>(args: string): T {
    return JSON.parse(this.ip(`-j -d ${args}`) || '[]') as T
  }

  exec(command: string, args: readonly string[], more?: ExecFileSyncOptions): string {
    return run('ip', ['netns', 'exec', this.name, command, ...args], more)
  }

  spawn(command: string, args: readonly string[]) {
    return spawn('ip', ['netns', 'exec', this.name, command, ...args])
  }

  remove(): void {
    if (this.#fd >= 0) closeSync(this.#fd)
    this.#fd = -1
    if (this.owned) ip(`netns del ${this.name}`)
  }
}

/** A new namespace with its loopback up. */
export function testNetns(t: Test, prefix = 'vt'): Netns {
  const netns = new Netns(uniqueName(prefix), true)
  ip(`netns add ${netns.name}`)
  t.teardown(() => netns.remove())
  netns.ip('link set lo up')
  return netns
}

export interface VethEnd {
  readonly netns: Netns
  readonly ifName: string
  /** `address/prefix`, of either family; IPv6 is added with nodad. */
  readonly addresses?: readonly string[]
}

/**
 * A veth pair, both ends up and addressed; it goes with its namespaces. Until linkwatch has seen the
 * carrier (up to a second), the end that came up first drops what it is to send.
 */
export function vethPair(a: VethEnd, b: VethEnd): void {
  ip(
    `link add ${a.ifName} netns ${a.netns.name} type veth peer name ${b.ifName} netns ${b.netns.name}`,
  )
  for (const end of [a, b]) {
    end.netns.ip(`link set ${end.ifName} up`)
    for (const address of end.addresses ?? []) {
      const nodad = address.includes(':') ? ' nodad' : ''
      end.netns.ip(`address add ${address} dev ${end.ifName}${nodad}`)
    }
  }
  const isUp = ({ netns, ifName }: VethEnd) =>
    netns.ipJson(`link show dev ${ifName}`)[0]?.operstate === 'UP'
  for (let tries = 0; !(isUp(a) && isUp(b)); tries++) {
    if (tries === 500) throw new Error(`${a.ifName}, ${b.ifName}: no carrier`)
  }
}
