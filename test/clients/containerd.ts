/**
 * A containerd of the test's own machine, with its CRI plugin, in the node's network namespace. It, `ctr run
 * --cni` and podman read the chain at the paths where runtimes look for it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import type { Conflist } from '../cni-chain.js'
import { type Exit, exec, type Node, until } from '../node.js'
import { ENDS_WITH_US } from '../process.js'
import { removeCgroup } from './cgroup.js'
import { Cri, type SandboxSpec } from './cri.js'
import { IMAGE, type Image, writeImage } from './image.js'

export const NET_DIR = '/etc/cni/net.d'
export const BIN_DIR = '/opt/cni/bin'
const CONFLIST_PATH = join(NET_DIR, '10-test.conflist')
const USR_MOUNT = 'type=bind,src=/usr,dst=/usr,options=rbind:ro'

/** Temp + rename, as installers do it. */
export function writeConflist(list: Conflist): void {
  mkdirSync(NET_DIR, { recursive: true })
  const temporary = join(NET_DIR, '.10-test.new')
  writeFileSync(temporary, JSON.stringify(list))
  renameSync(temporary, CONFLIST_PATH)
}

export function installChain({ chain }: Node): void {
  writeConflist(chain.list)
  mkdirSync(BIN_DIR, { recursive: true })
  const types = [...chain.list.plugins.map(({ type }) => type), 'host-local', 'loopback']
  for (const type of types) {
    rmSync(join(BIN_DIR, type), { force: true })
    symlinkSync(chain.find(type), join(BIN_DIR, type))
  }
}

/** oom_score_adj is not lowered: a container that runs the tests may lack CAP_SYS_RESOURCE. */
const configText = (dir: string): string => `version = 2
root = "${dir}/root"
state = "${dir}/state"
[grpc]
  address = "${dir}/c.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${IMAGE}"
  disable_tcp_service = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${BIN_DIR}"
    conf_dir = "${NET_DIR}"
    max_conf_num = 1
[plugins."io.containerd.internal.v1.opt"]
  path = "${dir}/opt"
`

export class Containerd {
  readonly dir: string
  readonly cri: Cri
  private daemon: ChildProcess | null = null
  private readonly cgroup: string
  private readonly image: Image

  private constructor(private readonly node: Node) {
    this.dir = join(node.dir, 'containerd')
    this.cgroup = basename(node.dir)
    this.image = writeImage(join(this.dir, 'image'))
    this.cri = new Cri(join(this.dir, 'c.sock'))
  }

  static async start(node: Node): Promise<Containerd> {
    const containerd = new Containerd(node)
    const { dir } = containerd
    for (const folder of ['root', 'state', 'opt', 'logs'])
      mkdirSync(join(dir, folder), { recursive: true })
    writeFileSync(join(dir, 'config.toml'), configText(dir))
    installChain(node)
    await containerd.launch()
    const { archive } = containerd.image
    for (const namespace of ['k8s.io', 'default']) {
      const { status, stderr } = await containerd.ctr('-n', namespace, 'images', 'import', archive)
      if (status !== 0) throw new Error(`ctr images import: ${stderr}`)
    }
    return containerd
  }

  /** Started, or started again: its sandboxes outlive it. */
  async launch(): Promise<void> {
    const log = openSync(this.logPath, 'a')
    const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env
    const netns = `--net=/run/netns/${this.node.netns}`
    const containerd = ['containerd', '-c', join(this.dir, 'config.toml')]
    const args = [...ENDS_WITH_US, 'nsenter', netns, ...containerd]
    this.daemon = spawn('setpriv', args, { stdio: ['ignore', log, log], env })
    closeSync(log)
    await until('containerd answers, its network is ready', async () => {
      const status = await this.cri.networkStatus().catch(() => null)
      return status?.isReady === true
    })
  }

  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const daemon = this.daemon
    this.daemon = null
    if (daemon === null || daemon.exitCode !== null || daemon.signalCode !== null) return
    const gone = new Promise((resolve) => daemon.once('exit', resolve))
    daemon.kill(signal)
    await gone
  }

  get logPath(): string {
    return join(this.dir, 'log')
  }

  sandbox(name: string, namespace = 'default'): SandboxSpec {
    const logDirectory = join(this.dir, 'logs')
    return { name, namespace, cgroupParent: `/${this.cgroup}`, logDirectory }
  }

  /** As the kubelet does away with a pod. */
  async removeSandbox(id: string): Promise<void> {
    await this.cri.stopPodSandbox(id)
    await this.cri.removePodSandbox(id)
  }

  /** Whatever sandboxes it still knows, by its own list. */
  async removeSandboxes(): Promise<void> {
    const sandboxes = await this.cri.listPodSandbox()
    await Promise.all(sandboxes.map(({ id }) => this.removeSandbox(id)))
  }

  /** The changed list, once containerd has read it. */
  async reload(list: Conflist, isLoaded: (config: string) => boolean): Promise<void> {
    writeConflist(list)
    await until('containerd has read the list', async () => isLoaded(await this.cri.cniConfig()))
  }

  ctr(...args: string[]): Promise<Exit> {
    return exec('ctr', ['-a', join(this.dir, 'c.sock'), ...args], { timeoutMs: 60_000 })
  }

  /** `ctr run --rm --cni`, which reads the chain itself, in its own network namespace. */
  run(name: string, ...command: string[]): Promise<Exit> {
    return this.runCni(['--rm'], name, command)
  }

  /** `ctr run -d --cni`: it ends at once, and nobody will ever call DEL. */
  runDetached(name: string, ...command: string[]): Promise<Exit> {
    return this.runCni(['-d'], name, command)
  }

  private runCni(flags: readonly string[], name: string, command: readonly string[]) {
    const rootfs = ['--mount', USR_MOUNT, '--rootfs', this.image.rootfs]
    const ctr = ['ctr', '-a', join(this.dir, 'c.sock'), 'run', '--cni', ...flags, ...rootfs, name]
    const args = [`--net=/run/netns/${this.node.netns}`, ...ctr, ...command]
    return exec('nsenter', args, { timeoutMs: 60_000 })
  }

  /** Processes that hold the sandboxes: this containerd's shims, by the socket in their arguments. */
  shims(): number[] {
    const socket = join(this.dir, 'c.sock')
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
    return pids.map(Number).filter((pid) => {
      const words = commandLine(pid)
      return words[0]?.includes('containerd-shim') === true && words.includes(socket)
    })
  }

  /** What a power cut leaves: what is on disk, that is `root` and the results of libcni. */
  async powerOff(): Promise<void> {
    await this.end('SIGKILL')
    for (const pid of this.shims()) process.kill(pid, 'SIGKILL')
    const state = join(this.dir, 'state')
    const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
    const below = mounts
      .map((line) => line.split(' ')[1] ?? '')
      .filter((at) => at.startsWith(state))
    for (const mount of below.reverse()) await exec('umount', ['-l', mount])
    for (const lost of [state, '/run/containerd']) rmSync(lost, { recursive: true, force: true })
  }

  async stop(): Promise<void> {
    if (this.daemon !== null) await this.removeSandboxes()
    this.cri.close()
    await this.end()
    for (const pid of this.shims()) process.kill(pid, 'SIGKILL')
    await removeCgroup(this.cgroup)
    rmSync(CONFLIST_PATH, { force: true })
  }
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return []
  }
}
