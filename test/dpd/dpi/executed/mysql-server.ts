/** A MariaDB of a test's own, with its audit log. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { ENDS_WITH_US, exec, until } from '../../../process.js'
import { socketDir } from '../../../socket-dir.js'
import { ended } from './one-connection.js'

export class MysqlServer {
  readonly socket: string
  readonly log: string

  private constructor(
    readonly data: string,
    dir: string,
    readonly process: ChildProcess,
  ) {
    this.socket = join(dir, 'sock')
    this.log = join(dir, 'audit.log')
  }

  /** Until the test ends. */
  static async startFor(t: Test): Promise<MysqlServer> {
    const server = await MysqlServer.start(socketDir(t))
    t.teardown(() => server.stop())
    return server
  }

  static async start(dir: string): Promise<MysqlServer> {
    const data = join(dir, 'data')
    const files = join(dir, 'files')
    mkdirSync(files)
    const made = ['--no-defaults', '--user=root', `--datadir=${data}`]
    const install = [...made, '--auth-root-authentication-method=normal']
    const { status, stderr } = await exec('mariadb-install-db', install, { timeoutMs: 120_000 })
    if (status !== 0) throw new Error(stderr)
    const settings = [
      `--socket=${join(dir, 'sock')}`,
      `--server-audit-file-path=${join(dir, 'audit.log')}`,
      `--secure-file-priv=${files}`,
      ...['--skip-networking', '--skip-name-resolve', '--innodb-flush-method=nosync'],
      ...['--innodb-doublewrite=0', '--max-statement-time=3', '--lock-wait-timeout=3'],
      ...['--use-stat-tables=never', '--plugin-load-add=server_audit', '--server-audit-logging=ON'],
      '--server-audit-events=TABLE',
    ]
    const command = [...ENDS_WITH_US, 'mariadbd', ...made, ...settings]
    const server = new MysqlServer(data, dir, spawn('setpriv', command, { stdio: 'ignore' }))
    await until('MariaDB listens', () => existsSync(server.socket))
    return server
  }

  async stop(): Promise<void> {
    await ended(this.process, 'SIGKILL')
  }
}
