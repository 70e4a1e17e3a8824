/**
 * A node with one pod behind a bridge with host-local IPAM of both families, and the plugin's verbs on it.
 * What the node, the pod and the instance hold can be compared at any two moments.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { decodeKey, encodeKey, NO_ENDPOINT } from '../../../src/core/bpf/maps.js'
import type { AttachmentKey, EndpointRecord } from '../../../src/core/endpoint.js'
import { InstancePipes } from '../../../src/dpd/instance-pipes.js'
import { addon, os } from '../../../src/intercept/addon.js'
import { BPFFS_PATH, isBpffs } from '../../../src/intercept/bpf/bpffs.js'
import { BpfDriver } from '../../../src/intercept/bpf/driver.js'
import type { InterceptContext } from '../../../src/intercept/context.js'
import { readRecord } from '../../../src/intercept/endpoint-records.js'
import { closeEnforcer, ensureEnforcer, removeEnforcer } from '../../../src/intercept/enforcer.js'
import { dispatch, type Outcome } from '../../../src/plugin/dispatch.js'
import { depsOf } from '../../../src/plugin/world.js'
import { run } from '../../netns.js'
import { Node, type Pod } from '../../node.js'
import { type NetnsDump, NetnsShell, withoutIndex, withoutMacs } from './dump.js'
import { Points, type Trap } from './points.js'

export type Verb = 'ADD' | 'DEL' | 'CHECK'

/** What interception is to keep, beyond what bridge gives an interface. */
const DRESS = [
  'link property add dev eth0 altname pod-uplink',
  'address add 10.78.0.2/24 dev eth0',
  'address add fd00:78::2/64 dev eth0 nodad',
  'route add 10.79.0.0/16 via 10.77.0.1 dev eth0 table 100',
  'neigh add 169.254.1.1 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent',
]
const DRESS_SYSCTL = '/proc/sys/net/ipv4/conf/eth0/arp_ignore'

export interface Outside {
  /** eth0's index in the pod; the dumps are without it. */
  readonly ifindex: unknown
  readonly pod: NetnsDump
  readonly host: NetnsDump
}
export interface Snapshot extends Outside {
  readonly enforcer: NetnsDump
}

/** What the instance holds beside the shared devices, programs and maps. */
export interface Remains {
  readonly files: readonly string[]
  readonly mounts: number
  readonly devices: readonly number[]
  readonly endpoints: readonly number[]
}
export const NOTHING: Remains = { files: [], mounts: 1, devices: [], endpoints: [] }

function filesBelow(dir: string): string[] {
  if (!existsSync(dir)) return []
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
}

/** In this mount namespace: the node's own keeps its pins, and gets none of ours. */
function unmountBpffs(): void {
  while (isBpffs(BPFFS_PATH)) os.unmount(BPFFS_PATH)
}

export class Stage {
  readonly warnings: string[] = []
  readonly points: Points
  readonly #podShell: NetnsShell
  readonly #hostShell: NetnsShell
  /** null = the namespace was not made yet. */
  #enforcerShell: NetnsShell | null = null

  private constructor(
    readonly node: Node,
    private readonly pod: Pod,
  ) {
    this.#podShell = new NetnsShell(pod.netnsPath)
    this.#hostShell = new NetnsShell(`/run/netns/${node.netns}`)
    this.points = new Points(this.folders)
    this.points.replaceAddon(addon() as Record<string, unknown>)
  }

  /** Where the plugin's files are. */
  get folders(): readonly string[] {
    const { runDir, stateDir, bpffsDir, netnsPath } = this.node.instance
    return [runDir, stateDir, bpffsDir, netnsPath, this.pod.netnsPath]
  }

  static async open(name: string): Promise<Stage> {
    unmountBpffs()
    const node = new Node({ name })
    const pod = await node.addPlainPod('web')
    for (const line of DRESS) run('ip', ['-n', pod.netns, ...line.split(' ')])
    await pod.exec('sh', ['-c', `echo 1 >${DRESS_SYSCTL}`])
    return new Stage(node, pod)
  }

  async close(): Promise<void> {
    for (const shell of [this.#podShell, this.#hostShell, this.#enforcerShell]) await shell?.close()
    await this.node.close()
  }

  get key(): AttachmentKey {
    const { containerID, ifName } = this.node.attachment('web')
    return { containerID, ifName }
  }

  /** As the runtime calls it; in the plugin's own process or in ours. */
  call(verb: Verb): { readonly env: Record<string, string>; readonly stdin: string } {
    const { containerID, netns, ifName, args } = this.node.attachment('web')
    const { cniVersion, name, plugins } = this.node.chain.list
    const entry = plugins.find(({ type }) => type === 'vethwall')
    return {
      env: {
        CNI_COMMAND: verb,
        CNI_CONTAINERID: containerID,
        CNI_NETNS: netns,
        CNI_IFNAME: ifName,
        CNI_ARGS: args,
        CNI_PATH: '/usr/lib/cni',
      },
      stdin: JSON.stringify({ cniVersion, name, ...entry, prevResult: this.pod.result }),
    }
  }

  run(verb: Verb, trap: Trap = (_kind, _args, run) => run()): Promise<Outcome> {
    const { env, stdin } = this.call(verb)
    const warn = (message: string) => this.warnings.push(message)
    return this.points.during(trap, () =>
      dispatch({ env, stdin: () => stdin, deps: (config) => depsOf({ os, warn }, config) }),
    )
  }

  get #context(): InterceptContext {
    const { instance } = this.node
    return {
      os,
      instance,
      ...{ driver: new BpfDriver(os, instance), why: 'the test' },
      bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(),
      now: () => new Date().toISOString(),
      warn: (message) => this.warnings.push(message),
    }
  }

  /** What dpd does at its start and at intervals. */
  reconcile(): void {
    const context = this.#context
    const enforcer = ensureEnforcer(context)
    const pipes = new InstancePipes(context, enforcer)
    try {
      pipes.takeNotices()
      pipes.recover()
      for (const record of pipes.records()) if (!pipes.isAlive(record)) pipes.collect(record)
    } finally {
      pipes.close()
      closeEnforcer(os, enforcer)
    }
  }

  async outside(): Promise<Outside> {
    const [pod, host] = await Promise.all([this.#podShell.dump('eth0'), this.#hostShell.dump()])
    const ifindex = pod.links.find(({ ifname }) => ifname === 'eth0')?.ifindex
    return { ifindex, pod: withoutIndex(pod, ifindex), host: withoutIndex(host, ifindex) }
  }

  async snapshot(): Promise<Snapshot> {
    const [outside, enforcer] = await Promise.all([this.outside(), this.#enforcer()])
    return { ...outside, enforcer }
  }

  async #enforcer(): Promise<NetnsDump> {
    this.#enforcerShell ??= new NetnsShell(this.node.instance.netnsPath)
    return withoutMacs(await this.#enforcerShell.dump(null, ['vbr-neuv', 'vth-neuv']))
  }

  /** Notices are dpd's to take: whole ones are read and removed. */
  remains(): Remains {
    const { instance } = this.node
    for (const notice of filesBelow(instance.noticesDir).filter((path) => path.endsWith('.json'))) {
      JSON.parse(readFileSync(notice, 'utf8'))
      rmSync(notice)
    }
    const shared = [instance.lockPath, join(instance.runDir, 'last-id'), instance.netnsSparePath]
    const files = [...filesBelow(instance.runDir), ...filesBelow(instance.stateDir)]
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
    return {
      files: files.filter((file) => !shared.includes(file)),
      mounts: mounts.filter((line) => line.includes(` ${instance.netnsPath} `)).length,
      ...this.#maps(),
    }
  }

  /** So that the next case isn't blamed. */
  removeFiles(files: readonly string[]): void {
    for (const file of files) rmSync(file)
  }

  #maps(): Pick<Remains, 'devices' | 'endpoints'> {
    const { bpffsDir, runDir } = this.node.instance
    const pinned = (name: string): number | null => {
      const folder = existsSync(bpffsDir)
        ? readdirSync(bpffsDir).find((dir) => dir.startsWith('maps-'))
        : undefined
      return folder === undefined ? null : os.bpf.get(join(bpffsDir, folder, name))
    }
    const [devicesFd, endpointsFd] = [pinned('devices'), pinned('endpoints')]
    if (devicesFd === null || endpointsFd === null) return { devices: [], endpoints: [] }
    const devices = os.bpf.mapKeys(devicesFd, 4).map(decodeKey)
    const last = Number.parseInt(readFileSync(join(runDir, 'last-id'), 'utf8'), 10)
    const recent = Array.from({ length: 4 }, (_, back) => last - back).filter((id) => id > 0)
    const endpoints = recent.filter((id) => {
      const value = os.bpf.mapLookup(endpointsFd, encodeKey(id), NO_ENDPOINT.length)
      return value !== null && Buffer.compare(value, NO_ENDPOINT) !== 0
    })
    for (const fd of [devicesFd, endpointsFd]) os.close(fd)
    return { devices, endpoints }
  }

  /** No enforcer, no BPF file system, no folders: as after a boot. In a mount namespace of its own. */
  async raze(): Promise<void> {
    const { instance } = this.node
    await this.#enforcerShell?.close()
    this.#enforcerShell = null
    removeEnforcer(os, instance)
    unmountBpffs()
    for (const dir of [instance.runDir, instance.stateDir]) {
      rmSync(dir, { recursive: true, force: true })
    }
  }

  /** null = the pod is not intercepted, as far as the instance knows. */
  record(): EndpointRecord | null {
    return readRecord(this.node.instance, this.key, (message) => this.warnings.push(message))
  }

  /** No swap is under way, or broke off. */
  isJournalled(): boolean {
    return filesBelow(this.node.instance.journalDir).some((path) => path.endsWith('.json'))
  }

  descriptors(): number {
    return readdirSync('/proc/self/fd').length
  }
}
