/** podman with its CNI back end (Debian's has no netavark), with storage and settings of the test's own. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Exit, exec, type Node } from '../node.js'
import { removeCgroup } from './cgroup.js'
import { BIN_DIR, installChain, NET_DIR } from './containerd.js'
import { IMAGE, writeImage } from './image.js'

/** Limits as they are: a container that runs the tests may not be allowed to change them. */
const settings = (dir: string): string => `[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
[network]
network_backend = "cni"
cni_plugin_dirs = ["${BIN_DIR}"]
network_config_dir = "${NET_DIR}"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
tmp_dir = "${dir}/tmp"
`

export class Podman {
  private constructor(
    private readonly node: Node,
    private readonly dir: string,
  ) {}

  private get cgroup(): string {
    return basename(this.node.dir)
  }

  static async start(node: Node): Promise<Podman> {
    const dir = join(node.dir, 'podman')
    for (const folder of ['root', 'run', 'tmp']) mkdirSync(join(dir, folder), { recursive: true })
    writeFileSync(join(dir, 'containers.conf'), settings(dir))
    installChain(node)
    const podman = new Podman(node, dir)
    const { status, stderr } = await podman.exec(
      'load',
      '-i',
      writeImage(join(dir, 'image')).archive,
    )
    if (status !== 0) throw new Error(`podman load: ${stderr}`)
    return podman
  }

  exec(...args: string[]): Promise<Exit> {
    const { dir, node } = this
    const storage = ['--root', `${dir}/root`, '--runroot', `${dir}/run`]
    const podman = ['podman', ...storage, '--storage-driver', 'overlay', ...args]
    const settingsFile = `CONTAINERS_CONF=${dir}/containers.conf`
    const command = [`--net=/run/netns/${node.netns}`, 'env', settingsFile, ...podman]
    return exec('nsenter', command, { timeoutMs: 60_000 })
  }

  /** A container of that name on the chain's network. */
  run(flags: readonly string[], name: string, ...command: string[]): Promise<Exit> {
    const network = ['--network', this.node.chain.list.name, '--volume', '/usr:/usr:ro']
    const place = ['--cgroup-parent', `/${this.cgroup}`, ...network]
    return this.exec('run', ...flags, '--name', name, ...place, IMAGE, ...command)
  }

  async stop(): Promise<void> {
    await this.exec('rm', '--all', '--force', '--time', '0')
    await removeCgroup(this.cgroup)
  }
}
