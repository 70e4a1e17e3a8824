/** A real dpd of an own instance, its files, and dpctl against it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import * as http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { type Instance, instanceOf } from '../../src/core/instance.js'
import { os } from '../../src/intercept/addon.js'
import { removeEnforcer } from '../../src/intercept/enforcer.js'
import { uniqueName } from '../netns.js'
import { until } from '../process.js'

const program = (name: string): string =>
  fileURLToPath(new URL(`../../src/${name}/main.js`, import.meta.url))

export interface Exit {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export function exec(command: string, args: readonly string[]): Promise<Exit> {
  return new Promise((resolve) => {
    execFile(command, [...args], { timeout: 20_000 }, (error, stdout, stderr) => {
      const code = (error as { code?: unknown } | null)?.code
      resolve({
        status: error === null ? 0 : typeof code === 'number' ? code : 128,
        stdout,
        stderr,
      })
    })
  })
}

export interface ApiAnswer {
  readonly status: number
  readonly body: Record<string, unknown>
}

/** One request on a Unix socket; the body as given, JSON unless it is text. */
export function request(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<ApiAnswer> {
  return new Promise((resolve, reject) => {
    const call = http.request({ socketPath, method, path }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: text.startsWith('{') ? JSON.parse(text) : { text },
        }),
      )
    })
    call.on('error', reject)
    call.end(
      body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    )
  })
}

export class Daemon {
  readonly instance: Instance
  readonly dir: string
  readonly policyDir: string
  readonly endpointsDir: string
  process: ChildProcess | null = null

  constructor(
    t: Test,
    private readonly more = '',
  ) {
    this.instance = instanceOf(uniqueName('vwd'))
    this.dir = mkdtempSync(join(tmpdir(), `${this.instance.name}-`))
    this.policyDir = join(this.dir, 'policy.d')
    this.endpointsDir = join(this.dir, 'endpoints.d')
    for (const dir of [this.policyDir, this.endpointsDir]) mkdirSync(dir)
    t.teardown(async () => {
      await this.stop('SIGKILL')
      removeEnforcer(os, this.instance)
      const { runDir, stateDir, bpffsDir } = this.instance
      for (const dir of [runDir, stateDir, bpffsDir, this.dir])
        rmSync(dir, { recursive: true, force: true })
    })
  }

  get eventsPath(): string {
    return join(this.dir, 'eve.json')
  }

  get logPath(): string {
    return join(this.dir, 'dpd.log')
  }

  policy(name: string, text: string): void {
    writeFileSync(join(this.policyDir, name), text)
  }

  async start(environment: Readonly<Record<string, string>> = {}): Promise<void> {
    const config = join(this.dir, 'dpd.yaml')
    writeFileSync(
      config,
      `policyDir: ${this.policyDir}\nendpointsDir: ${this.endpointsDir}\nevents: { file: ${this.eventsPath} }\n${this.more}`,
    )
    const log = openSync(this.logPath, 'a')
    const args = [program('dpd'), '--instance', this.instance.name, '--config', config]
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...environment },
    })
    closeSync(log)
    this.process = child
    await until(
      `dpd answers (${this.logPath})`,
      async () => {
        if (child.exitCode !== null)
          throw new Error(`dpd ended: ${readFileSync(this.logPath, 'utf8')}`)
        return await this.get('/v1/status').catch(() => null)
      },
      15_000,
    )
  }

  /** Its exit status; null = it was not running, or a signal ended it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.process
    this.process = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return null
    const gone = new Promise<number | null>((resolve) => child.once('exit', resolve))
    child.kill(signal)
    return await gone
  }

  async get(path: string): Promise<Record<string, unknown>> {
    return (await request(this.instance.socketPath, 'GET', path)).body
  }

  async generation(): Promise<number> {
    const { policy } = (await this.get('/v1/status')) as { policy?: { generation?: number } }
    return policy?.generation ?? -1
  }

  dpctl(...args: string[]): Promise<Exit> {
    return exec(process.execPath, [program('dpctl'), '--instance', this.instance.name, ...args])
  }
}
