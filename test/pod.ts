/** A pod: a network namespace with an address of the chain's, and the processes in it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import type { Json } from './cni-chain.js'
import { ENDS_WITH_US, type Exit, exec, until } from './process.js'

/** A server and the workers that it forked: each runs in a process group of its own. */
function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

export class Pod {
  private readonly children: ChildProcess[] = []

  constructor(
    readonly name: string,
    readonly containerID: string,
    /** Name below /run/netns. */
    readonly netns: string,
    readonly ip4: string,
    readonly ip6: string,
    readonly result: Json,
  ) {}

  get netnsPath(): string {
    return `/run/netns/${this.netns}`
  }

  /** Runs to its end inside the pod. */
  exec(
    command: string,
    args: readonly string[],
    options: { readonly timeoutMs?: number; readonly input?: string } = {},
  ): Promise<Exit> {
    return exec('nsenter', [`--net=${this.netnsPath}`, command, ...args], options)
  }

  /** Runs until the node closes. */
  serve(command: string, args: readonly string[], log: string): ChildProcess {
    const out = openSync(log, 'a')
    const child = spawn(
      'setpriv',
      [...ENDS_WITH_US, 'nsenter', `--net=${this.netnsPath}`, command, ...args],
      {
        stdio: ['ignore', out, out],
        detached: true,
      },
    )
    closeSync(out)
    this.children.push(child)
    return child
  }

  async listening(port: number, protocol: 'tcp' | 'udp' = 'tcp'): Promise<void> {
    await until(`${this.name} listens on ${port}/${protocol}`, async () => {
      const { stdout } = await this.exec('ss', [
        '-Hln',
        protocol === 'tcp' ? '-t' : '-u',
        `sport = :${port}`,
      ])
      return stdout.includes(`:${port}`)
    })
  }

  stop(): void {
    for (const { pid } of this.children) if (pid !== undefined) endGroup(pid)
  }
}
