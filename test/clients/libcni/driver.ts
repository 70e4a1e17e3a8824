/** libcni itself (Debian's, 1.1: it knows no GC, STATUS or version 1.1.0), driven by a small program in Go. */
import { mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Attachment, Conflist } from '../../cni-chain.js'
import { type Exit, exec, type Node } from '../../node.js'
import { root } from '../../root.js'

export class LibcniDriver {
  private constructor(
    private readonly node: Node,
    private readonly program: string,
    private readonly binDirs: readonly string[],
  ) {}

  static async build(node: Node, binDirs = node.chain.options.binDirs): Promise<LibcniDriver> {
    const program = join(node.dir, 'libcni-driver')
    const source = join(root, 'test', 'clients', 'libcni', 'main.go')
    const settings = ['GO111MODULE=off', 'GOPATH=/usr/share/gocode', `GOCACHE=${node.dir}/go`]
    const args = [...settings, 'go', 'build', '-o', program, source]
    const { status, stderr } = await exec('env', args, { timeoutMs: 240_000 })
    if (status !== 0) throw new Error(`go build: ${stderr}`)
    return new LibcniDriver(node, program, binDirs)
  }

  private get cacheDir(): string {
    return join(this.node.dir, 'libcni-cache')
  }

  run(verb: 'add' | 'check' | 'del', list: Conflist, attachment: Attachment): Promise<Exit> {
    const { containerID, netns, ifName } = attachment
    const file = join(this.node.dir, `${containerID}.conflist`)
    writeFileSync(file, JSON.stringify(list))
    mkdirSync(this.cacheDir, { recursive: true })
    const path = this.binDirs.join(':')
    const args = [verb, this.cacheDir, file, path, containerID, netns, ifName]
    const command = [`--net=/run/netns/${this.node.netns}`, this.program, ...args]
    return exec('nsenter', command, { timeoutMs: 120_000 })
  }

  /** Its results of earlier ADDs. */
  cached(): string[] {
    return readdirSync(join(this.cacheDir, 'results')).map((name) =>
      join(this.cacheDir, 'results', name),
    )
  }

  forget(): void {
    for (const file of this.cached()) rmSync(file)
  }

  /** As a crash between creating and writing leaves them. */
  truncate(): void {
    for (const file of this.cached()) truncateSync(file)
  }
}
