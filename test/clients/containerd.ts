/** A private containerd whose `ctr run --cni` sees the node's CNI configuration and nothing of the host's. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Exit, exec, type Node, until } from '../node.js'

/** ctr knows no others; what isn't there before the test is gone after it. */
const MOUNT_POINTS = ['/etc/cni/net.d', '/opt/cni/bin', '/var/lib/cni'] as const
/** A root file system without image or registry: the machine's own /usr, read-only. */
const USR_MOUNT = 'type=bind,src=/usr,dst=/usr,options=rbind:ro'

function writeRootfs(dir: string): void {
  for (const folder of ['usr', 'proc', 'sys', 'dev', 'tmp', 'etc', 'run']) {
    mkdirSync(join(dir, folder), { recursive: true })
  }
  for (const name of ['bin', 'lib', 'lib64']) symlinkSync(join('usr', name), join(dir, name))
}

export class Containerd {
  private constructor(
    private readonly node: Node,
    private readonly dir: string,
    private readonly daemon: ChildProcess,
    private readonly made: readonly string[],
  ) {}

  static async start(node: Node): Promise<Containerd> {
    const dir = join(node.dir, 'containerd')
    for (const folder of ['root', 'state', 'opt', 'cni-cache'])
      mkdirSync(join(dir, folder), { recursive: true })
    writeRootfs(join(dir, 'rootfs'))
    // libcni's own reading of the list that the chain uses, under the directory that ctr looks in.
    mkdirSync(join(dir, 'net.d'))
    writeFileSync(join(dir, 'net.d', '10-test.conflist'), JSON.stringify(node.chain.list))
    mkdirSync(join(dir, 'bin'))
    for (const { type } of node.chain.list.plugins)
      symlinkSync(node.chain.find(type), join(dir, 'bin', type))
    symlinkSync(node.chain.find('host-local'), join(dir, 'bin', 'host-local'))
    writeFileSync(
      join(dir, 'config.toml'),
      `version = 2
root = "${dir}/root"
state = "${dir}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${dir}/c.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "${dir}/opt"
`,
    )
    const log = openSync(join(dir, 'log'), 'a')
    const made = MOUNT_POINTS.filter((point) => !existsSync(point))
    for (const point of made) mkdirSync(point, { recursive: true })
    const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env
    const args = [`--net=/run/netns/${node.netns}`, 'containerd', '-c', join(dir, 'config.toml')]
    const daemon = spawn('nsenter', args, { stdio: ['ignore', log, log], env })
    const containerd = new Containerd(node, dir, daemon, made)
    await until('containerd answers', async () => (await containerd.ctr('version')).status === 0)
    return containerd
  }

  private ctr(...args: string[]): Promise<Exit> {
    return exec('ctr', ['-a', join(this.dir, 'c.sock'), ...args])
  }

  /** `ctr run --rm --cni` in a mount namespace where /etc/cni/net.d and /opt/cni/bin are the node's. */
  run(name: string, ...command: string[]): Promise<Exit> {
    const binds = [
      [join(this.dir, 'net.d'), MOUNT_POINTS[0]],
      [join(this.dir, 'bin'), MOUNT_POINTS[1]],
      [join(this.dir, 'cni-cache'), MOUNT_POINTS[2]],
    ]
    const script = [
      ...binds.map(([from, to]) => `mount --bind ${from} ${to}`),
      `exec ctr -a ${join(this.dir, 'c.sock')} run --rm --cni --mount ${USR_MOUNT} --rootfs ${join(this.dir, 'rootfs')} ${name} "$@"`,
    ].join('\n')
    const shell = [
      'unshare',
      '-m',
      '--propagation',
      'private',
      'sh',
      '-c',
      script,
      'sh',
      ...command,
    ]
    return exec('nsenter', [`--net=/run/netns/${this.node.netns}`, ...shell], { timeoutMs: 60_000 })
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.daemon.once('exit', resolve))
    this.daemon.kill('SIGTERM')
    await gone
    // Deepest first; one that is in use by now stays.
    for (const point of this.made) await exec('rmdir', ['-p', '--ignore-fail-on-non-empty', point])
  }
}
