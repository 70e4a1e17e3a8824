/**
 * A CNI runtime as the specification words it (CNI SPEC 1.1.0, §2 to §4): runs the plugins of a
 * conflist in order with prevResult handed on, in reverse for DEL. Plugins run in the network
 * namespace given as the node's.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export type Json = Readonly<Record<string, unknown>>

export interface Conflist extends Json {
  readonly cniVersion: string
  readonly name: string
  readonly plugins: readonly (Json & { readonly type: string })[]
}

export interface Attachment {
  readonly containerID: string
  readonly netns: string
  readonly ifName: string
  readonly args?: string
}

export interface PluginExit {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** One plugin's refusal: its error object, or what it printed instead. */
export class PluginError extends Error {
  override readonly name = 'PluginError'
  constructor(
    readonly plugin: string,
    readonly verb: string,
    readonly exit: PluginExit,
  ) {
    super(
      `${plugin} ${verb}: ${exit.stdout.trim() || exit.stderr.trim() || `status ${exit.status}`}`,
    )
  }

  get code(): number | null {
    const object: unknown = JSON.parse(this.exit.stdout)
    return typeof object === 'object' && object !== null && 'code' in object
      ? Number(object.code)
      : null
  }
}

export interface ChainOptions {
  readonly binDirs: readonly string[]
  /** `/run/netns/NAME` of the node; absent = this process's own. */
  readonly nodeNetns?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs one executable as a plugin: environment and stdin as given, nothing else. */
export function callPlugin(
  file: string,
  env: Readonly<Record<string, string>>,
  stdin: string,
  nodeNetns?: string,
  /** Aborted: SIGKILL, as runtimes do it. */
  signal?: AbortSignal,
): Promise<PluginExit> {
  const [command, ...args] =
    nodeNetns === undefined ? [file] : ['/usr/bin/nsenter', `--net=${nodeNetns}`, file]
  return new Promise((resolve, reject) => {
    const killed = signal === undefined ? {} : { signal, killSignal: 'SIGKILL' as const }
    const child = spawn(command ?? file, args, { env, cwd: '/', ...killed })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk
    })
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk
    })
    child.on('error', reject)
    child.on('close', (status) => resolve({ status: status ?? 128, stdout, stderr }))
    // A plugin may end without reading stdin.
    child.stdin.on('error', () => {})
    child.stdin.end(stdin)
  })
}

export class CniChain {
  private readonly results = new Map<string, Json>()

  constructor(
    readonly list: Conflist,
    readonly options: ChainOptions,
  ) {}

  /** The final result; throws the first plugin's refusal, as a runtime would, without undoing. */
  async add(attachment: Attachment, signal?: AbortSignal): Promise<Json> {
    let result: Json | null = null
    for (const plugin of this.list.plugins) {
      const exit = await this.exec('ADD', plugin, attachment, result, signal)
      result = JSON.parse(exit.stdout) as Json
    }
    if (result === null) throw new Error('a conflist without plugins')
    this.results.set(keyOf(attachment), result)
    return result
  }

  /** In order; `skipped`: types that are not asked. */
  async check(attachment: Attachment, skipped: readonly string[] = []): Promise<void> {
    const result = this.results.get(keyOf(attachment)) ?? null
    const asked = this.list.plugins.filter(({ type }) => !skipped.includes(type))
    for (const plugin of asked) await this.exec('CHECK', plugin, attachment, result)
  }

  /** The four shapes of a DEL: with and without netns, with and without prevResult. */
  async del(
    attachment: Attachment,
    shape: { readonly netns: boolean; readonly prevResult: boolean } = {
      netns: true,
      prevResult: true,
    },
  ): Promise<void> {
    const key = keyOf(attachment)
    const result = shape.prevResult ? (this.results.get(key) ?? null) : null
    const seen = shape.netns ? attachment : { ...attachment, netns: '' }
    for (const plugin of [...this.list.plugins].reverse()) {
      await this.exec('DEL', plugin, seen, result)
    }
  }

  find(type: string): string {
    const dir = this.options.binDirs.find((candidate) => existsSync(join(candidate, type)))
    if (dir === undefined) throw new Error(`no plugin ${type} in ${this.options.binDirs.join(':')}`)
    return join(dir, type)
  }

  private async exec(
    verb: string,
    plugin: Json & { readonly type: string },
    attachment: Attachment,
    prevResult: Json | null,
    signal?: AbortSignal,
  ): Promise<PluginExit> {
    const { cniVersion, name } = this.list
    const stdin = { cniVersion, name, ...plugin, ...(prevResult === null ? {} : { prevResult }) }
    const env = {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      ...this.options.env,
      CNI_COMMAND: verb,
      CNI_CONTAINERID: attachment.containerID,
      CNI_NETNS: attachment.netns,
      CNI_IFNAME: attachment.ifName,
      CNI_ARGS: attachment.args ?? '',
      CNI_PATH: this.options.binDirs.join(':'),
    }
    const file = this.find(plugin.type)
    const { nodeNetns } = this.options
    const exit = await callPlugin(file, env, JSON.stringify(stdin), nodeNetns, signal)
    if (exit.status !== 0) throw new PluginError(plugin.type, verb, exit)
    return exit
  }
}

const keyOf = ({ containerID, ifName }: Attachment): string => `${containerID} ${ifName}`
