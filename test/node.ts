/**
 * A node of its own for tests, demo and benchmark: a network namespace that stands for the host's, a
 * bridge CNI chain with vethwall, one dpd instance, pods. Everything is named after the instance and
 * gone after close().
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Instance, instanceOf } from '../src/core/instance.js'
import { CniChain, type Json } from './cni-chain.js'
import { Pod } from './pod.js'
import { ENDS_WITH_US, type Exit, exec, until } from './process.js'
import { root } from './root.js'

export { Pod } from './pod.js'
export { type Exit, exec, until } from './process.js'

const TRUNK = 'trunk0'
const PLUGINS = '/usr/lib/cni'
export interface NodeOptions {
  readonly name: string
  /** Keys of our conflist entry besides type and instance. */
  readonly entry?: Json
  readonly dpdConfig?: string
  readonly cniVersion?: string
  /** What gives pods their eth0: a bridge's veth, or a macvlan on a trunk of the node. */
  readonly primary?: 'bridge' | 'macvlan'
  /** Without our plugin in the chain: the plain bridge. */
  readonly plain?: boolean
}

const sh = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

export class Node {
  readonly instance: Instance
  readonly dir: string
  readonly netns: string
  readonly policyDir: string
  readonly endpointsDir: string
  readonly pods: Pod[] = []
  readonly chain: CniChain
  dpd: ChildProcess | null = null

  constructor(private readonly options: NodeOptions) {
    this.instance = instanceOf(options.name)
    this.netns = `${options.name}-node`
    this.dir = mkdtempSync(join(tmpdir(), `${options.name}-`))
    this.policyDir = join(this.dir, 'policy.d')
    this.endpointsDir = join(this.dir, 'endpoints.d')
    for (const dir of ['bin', 'policy.d', 'endpoints.d']) mkdirSync(join(this.dir, dir))
    symlinkSync(join(root, 'dist', 'bin', 'vethwall'), join(this.dir, 'bin', 'vethwall'))
    sh('ip', 'netns', 'add', this.netns)
    sh('ip', '-n', this.netns, 'link', 'set', 'lo', 'up')
    if (options.primary === 'macvlan') this.#makeTrunk()
    this.chain = new CniChain(this.conflist(), {
      binDirs: [join(this.dir, 'bin'), PLUGINS],
      nodeNetns: `/run/netns/${this.netns}`,
    })
  }

  #makeTrunk(): void {
    const far = `${TRUNK}-far`
    sh('ip', '-n', this.netns, 'link', 'add', TRUNK, 'type', 'veth', 'peer', 'name', far)
    for (const name of [TRUNK, far]) sh('ip', '-n', this.netns, 'link', 'set', name, 'up')
  }

  private conflist() {
    const isMacvlan = this.options.primary === 'macvlan'
    const primary = {
      ...(isMacvlan
        ? { type: 'macvlan', master: TRUNK, mode: 'bridge' }
        : { type: 'bridge', bridge: 'cni0', isGateway: true }),
      ipam: {
        type: 'host-local',
        dataDir: join(this.dir, 'ipam'),
        ranges: [[{ subnet: '10.77.0.0/16' }], [{ subnet: 'fd00:77::/64' }]],
        routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
      },
    }
    const entry = { type: 'vethwall', instance: this.instance.name, ...this.options.entry }
    return {
      cniVersion: this.options.cniVersion ?? '1.0.0',
      name: `${this.instance.name}-net`,
      plugins: this.options.plain === true ? [primary] : [primary, entry],
    }
  }

  get configPath(): string {
    return join(this.dir, 'dpd.yaml')
  }

  writeConfig(): { readonly dpdConfigFile: string } {
    const lines = [
      `policyDir: ${this.policyDir}`,
      `endpointsDir: ${this.endpointsDir}`,
      `events: { file: ${join(this.dir, 'events.json')} }`,
      this.options.dpdConfig ?? '',
    ]
    writeFileSync(this.configPath, lines.join('\n'))
    return { dpdConfigFile: this.configPath }
  }

  /** Starts dpd and waits until it answers. */
  async startDpd(): Promise<void> {
    this.writeConfig()
    const log = openSync(join(this.dir, 'dpd.log'), 'a')
    const program = join(root, 'dist', 'bin', 'dpd')
    const args = [
      `--net=/run/netns/${this.netns}`,
      program,
      '--instance',
      this.instance.name,
      '--config',
      this.configPath,
    ]
    const dpd = spawn('setpriv', [...ENDS_WITH_US, 'nsenter', ...args], {
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    this.dpd = dpd
    await until(`dpd answers (log: ${join(this.dir, 'dpd.log')})`, async () => {
      if (dpd.exitCode !== null)
        throw new Error(`dpd ended with ${dpd.exitCode}: ${join(this.dir, 'dpd.log')}`)
      return (await this.api('/v1/status')) !== null
    })
  }

  async stopDpd(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const dpd = this.dpd
    this.dpd = null
    if (dpd === null || dpd.exitCode !== null || dpd.signalCode !== null) return
    const gone = new Promise((resolve) => dpd.once('exit', resolve))
    dpd.kill(signal)
    await gone
  }

  /** GET over the control socket, null without an answer. */
  api(path: string): Promise<Json | null> {
    return new Promise((resolve) => {
      const call = request({ socketPath: this.instance.socketPath, path }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        response.on('end', () => resolve(JSON.parse(text) as Json))
      })
      call.on('error', () => resolve(null))
      call.end()
    })
  }

  /** In the node's own namespace. */
  exec(command: string, args: readonly string[]): Promise<Exit> {
    return exec('nsenter', [`--net=/run/netns/${this.netns}`, command, ...args])
  }

  dpctl(...args: string[]): Promise<Exit> {
    return exec(join(root, 'dist', 'bin', 'dpctl'), ['--instance', this.instance.name, ...args])
  }

  /** Writes a policy file and waits until its generation is in force. */
  async policy(file: string, text: string): Promise<void> {
    const writtenMs = Date.now()
    writeFileSync(join(this.policyDir, file), text)
    // Not by the generation: other changes make new ones too.
    await until(
      `policy ${file} in force`,
      async () => Date.parse((await this.#policyStatus()).loadedAt ?? '') >= writtenMs,
    )
  }

  async generation(): Promise<number> {
    return (await this.#policyStatus()).generation ?? -1
  }

  async #policyStatus(): Promise<{ readonly generation?: number; readonly loadedAt?: string }> {
    const status = (await this.api('/v1/status')) as { policy?: object } | null
    return status?.policy ?? {}
  }

  /** Of the events file so far; a line that is not whole yet is none. */
  events(): unknown[] {
    const lines = readFileSync(join(this.dir, 'events.json'), 'utf8').split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line))
  }

  /** Behind the bridge alone: a peer whose own side costs nothing. */
  addPlainPod(name: string): Promise<Pod> {
    const { list, options } = this.chain
    const plugins = list.plugins.filter(({ type }) => type !== 'vethwall')
    return this.addPod(name, 'default', new CniChain({ ...list, plugins }, options))
  }

  async addPod(name: string, namespace = 'default', chain = this.chain): Promise<Pod> {
    const netns = `${this.instance.name}-${name}`
    const containerID = `${this.instance.name}-${name}-id`
    sh('ip', 'netns', 'add', netns)
    sh('ip', '-n', netns, 'link', 'set', 'lo', 'up')
    const attachment = this.attachment(name, namespace)
    const result = await chain.add(attachment).catch(async (error: unknown) => {
      // As a runtime would: what a failed ADD left is undone at once.
      await chain.del(attachment).catch(() => {})
      sh('ip', 'netns', 'del', netns)
      throw error
    })
    const addresses = (result.ips as { address: string }[]).map(
      ({ address }) => address.split('/')[0] ?? '',
    )
    const ip4 = addresses.find((address) => !address.includes(':')) ?? ''
    const ip6 = addresses.find((address) => address.includes(':')) ?? ''
    const pod = new Pod(name, containerID, netns, ip4, ip6, result)
    this.pods.push(pod)
    return pod
  }

  attachment(name: string, namespace = 'default') {
    return {
      containerID: `${this.instance.name}-${name}-id`,
      netns: `/run/netns/${this.instance.name}-${name}`,
      ifName: 'eth0',
      args: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${namespace};K8S_POD_NAME=${name}`,
    }
  }

  async removePod(pod: Pod): Promise<void> {
    pod.stop()
    await this.chain.del(this.attachment(pod.name))
    sh('ip', 'netns', 'del', pod.netns)
    this.pods.splice(this.pods.indexOf(pod), 1)
  }

  /** Takes all of it away, whatever state it is in. */
  async close(): Promise<void> {
    for (const pod of [...this.pods])
      await this.removePod(pod).catch((error: unknown) => console.error(String(error)))
    await this.stopDpd()
    const { name, netnsPath, netnsSparePath, runDir, stateDir, bpffsDir } = this.instance
    for (const mount of [netnsPath, netnsSparePath])
      if (existsSync(mount)) await exec('umount', ['-l', mount])
    for (const netns of [this.netns, ...this.pods.map((pod) => pod.netns)])
      await exec('ip', ['netns', 'del', netns])
    for (const path of [netnsPath, runDir, stateDir, bpffsDir, this.dir])
      rmSync(path, { recursive: true, force: true })
    if (existsSync(runDir)) throw new Error(`instance ${name} left ${runDir}`)
  }
}
