/** A PostgreSQL of a test's own, on a socket in its folder. */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { ENDS_WITH_US, exec, until } from '../../../process.js'
import { ended } from './one-connection.js'
import { PostgresqlSession } from './postgresql-session.js'

const PROGRAMS = '/usr/lib/postgresql/15/bin'
/** The server refuses to be root. */
const NOBODY = 65_534
const AS_NOBODY = ['--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups']
const PORT = 45_432
export const LOGIN = { user: 'shop', database: 'postgres' }

export class PostgresqlServer {
  private constructor(
    readonly socket: string,
    readonly process: ChildProcess,
  ) {}

  static async start(dir: string): Promise<PostgresqlServer> {
    chownSync(dir, NOBODY, NOBODY)
    chmodSync(dir, 0o700)
    const data = join(dir, 'data')
    const made = [
      `${PROGRAMS}/initdb`,
      '-D',
      data,
      '-A',
      'trust',
      '-U',
      'shop',
      '-N',
      '--no-locale',
      '-E',
      'UTF8',
    ]
    const { status, stderr } = await exec('setpriv', [...AS_NOBODY, ...made], {
      timeoutMs: 120_000,
    })
    if (status !== 0) throw new Error(stderr)
    const settings = [
      'listen_addresses=',
      'fsync=off',
      'shared_buffers=16MB',
      'autovacuum=off',
      'max_connections=10',
    ]
    const served = [
      `${PROGRAMS}/postgres`,
      '-D',
      data,
      '-p',
      `${PORT}`,
      '-k',
      dir,
      ...settings.flatMap((one) => ['-c', one]),
    ]
    const process = spawn('setpriv', [...AS_NOBODY, ...ENDS_WITH_US, ...served], {
      stdio: 'ignore',
    })
    const socket = join(dir, `.s.PGSQL.${PORT}`)
    await until('PostgreSQL takes a login', () => existsSync(socket) && takesLogin(socket))
    return new PostgresqlServer(socket, process)
  }

  async stop(): Promise<void> {
    // Immediate shutdown: nothing of it is kept.
    await ended(this.process, 'SIGQUIT')
  }
}

/** It listens before it is ready. */
async function takesLogin(socket: string): Promise<boolean> {
  const session = await PostgresqlSession.open(socket, LOGIN)
  const { closed } = session
  session.end()
  return !closed
}
