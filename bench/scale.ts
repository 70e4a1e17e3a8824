/**
 * Whether what an endpoint costs depends on how many others there are: ADD, one pod's packets, dpd at
 * rest and its memory with 1, 50 and 500 of them on one node.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { os } from '../src/intercept/addon.js'
import type { InterceptContext } from '../src/intercept/context.js'
import { chooseDriver } from '../src/intercept/drivers.js'
import { attach } from '../src/intercept/swap.js'
import { Node, type Pod, until } from '../test/node.js'
import { median } from './statistics.js'
import { bareNode } from './workloads.js'

const COUNTS = [1, 50, 500]
const ADDS = 9
const REST_MS = 20_000
const DATAGRAMS = 100_000
/** USER_HZ of proc(5). */
const TICKS_PER_SECOND = 100

/** Sends to the other pod's discard port and tells what a datagram cost: softirq work is charged to the sender. */
const SENDER = `
import resource, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect((sys.argv[1], 9)); n = ${DATAGRAMS}
def used():
    u = resource.getrusage(resource.RUSAGE_SELF); return u.ru_utime + u.ru_stime
def burst(n):
    for i in range(n):
        try: s.send(b'x')
        except ConnectionRefusedError: pass
burst(1000); a = used(); burst(n); print((used() - a) / n * 1e9)
`

export interface Cost {
  readonly endpoints: number
  readonly addMs: number
  readonly nodeMs: number
  readonly packetNs: number
  readonly restPercent: number
  readonly residentMiB: number
}

const sh = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: 'utf8' })

/** Pods whose ADD is not measured: their interface is made and attached without a runtime's programs. */
class Crowd {
  readonly #context: InterceptContext
  #size = 0

  constructor(private readonly node: Node) {
    const { instance } = node
    this.#context = {
      os,
      instance,
      ...chooseDriver(os, instance, 'auto'),
      bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(),
      now: () => new Date().toISOString(),
      warn: (message) => console.error(message),
    }
  }

  grow(size: number): void {
    for (; this.#size < size; this.#size++) this.#add(this.#size)
  }

  close(): void {
    for (let at = 0; at < this.#size; at++) sh('ip', 'netns', 'del', this.#name(at))
    this.#context.driver.close()
  }

  #name(at: number): string {
    return `${this.node.instance.name}-crowd${at}`
  }

  #add(at: number): void {
    const netns = this.#name(at)
    sh('ip', 'netns', 'add', netns)
    const host = `crowd${at}`
    const [a, b] = [at >> 8, at & 0xff]
    sh(
      'ip',
      '-n',
      this.node.netns,
      'link',
      'add',
      host,
      'type',
      'veth',
      'peer',
      'eth0',
      'netns',
      netns,
    )
    sh('ip', '-n', this.node.netns, 'link', 'set', host, 'up')
    sh('ip', '-n', netns, 'addr', 'add', `10.78.${a}.${b}/16`, 'dev', 'eth0')
    sh('ip', '-n', netns, 'link', 'set', 'eth0', 'up')
    attach(this.#context, {
      ...{ containerID: netns, ifName: 'eth0', network: 'crowd', netns: `/run/netns/${netns}` },
      ...{ namespace: 'default', pod: netns, podUid: null, failure: 'open' },
    })
  }
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

function residentMiB(pid: number): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
  return Number(kib) / 1024
}

async function addTimes(node: Node): Promise<Pick<Cost, 'addMs' | 'nodeMs'>> {
  const times: number[] = []
  const bare: number[] = []
  for (let at = 0; at < ADDS; at++) {
    const started = performance.now()
    const pod = await node.addPod(`timed${at}`)
    times.push(performance.now() - started)
    await node.removePod(pod)
    bare.push(await bareNode())
  }
  return { addMs: median(times), nodeMs: median(bare) }
}

async function packetNs(from: Pod, to: Pod): Promise<number> {
  const rounds: number[] = []
  for (let round = 0; round < 5; round++) {
    const { stdout, stderr } = await from.exec('python3', ['-c', SENDER, to.ip4], {
      timeoutMs: 120_000,
    })
    if (stdout === '') throw new Error(`sender: ${stderr}`)
    rounds.push(Number(stdout))
  }
  return Math.min(...rounds)
}

/** In per cent of one CPU. */
async function restPercent(pid: number): Promise<number> {
  const before = cpuSeconds(pid)
  await delay(REST_MS)
  return ((cpuSeconds(pid) - before) / (REST_MS / 1000)) * 100
}

/** The program itself, behind setpriv and nsenter, which exec it. */
function dpdPid(node: Node): number {
  const pid = node.dpd?.pid
  if (pid === undefined) throw new Error('dpd does not run')
  return pid
}

async function adopted(node: Node, count: number): Promise<void> {
  node.dpd?.kill('SIGHUP')
  await until(`${count} endpoints`, async () => {
    const status = (await node.api('/v1/status')) as { endpoints?: number } | null
    return (status?.endpoints ?? 0) >= count
  })
}

export async function scaleRounds(): Promise<Cost[]> {
  const node = new Node({ name: `vwscale${process.pid}` })
  const crowd = new Crowd(node)
  const result: Cost[] = []
  try {
    await node.startDpd()
    const server = await node.addPlainPod('server')
    const client = await node.addPod('client')
    for (const endpoints of COUNTS) {
      crowd.grow(endpoints - 1)
      await adopted(node, endpoints)
      const pid = dpdPid(node)
      result.push({
        endpoints,
        ...(await addTimes(node)),
        packetNs: await packetNs(client, server),
        restPercent: await restPercent(pid),
        residentMiB: residentMiB(pid),
      })
      console.log(row(result.at(-1) as Cost))
    }
  } finally {
    crowd.close()
    await node.close()
  }
  return result
}

function row({ endpoints, addMs, nodeMs, packetNs, restPercent, residentMiB }: Cost): string {
  return [
    `${endpoints} endpoints`.padEnd(16),
    `bridge and vethwall ADD ${addMs.toFixed(0)} ms (${(addMs / nodeMs).toFixed(1)} x node -e 0)`.padEnd(
      54,
    ),
    `${packetNs.toFixed(0)} ns a packet`.padEnd(20),
    `dpd at rest ${restPercent.toFixed(1)} % of a CPU`.padEnd(32),
    `${residentMiB.toFixed(0)} MiB resident`,
  ].join('')
}
