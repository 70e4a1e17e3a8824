import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { ENDS_WITH_US, until } from '../../process.js'

/** Ends with whoever started it. */
export class ServerProcess {
  readonly #child: ChildProcess
  #said = ''

  constructor([command = '', ...args]: readonly string[]) {
    this.#child = spawn('setpriv', [...ENDS_WITH_US, command, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said = (this.#said + text).slice(-4_000)
      })
    }
  }

  async until(isReady: () => Promise<boolean>): Promise<void> {
    await until('the server listens', async () => {
      if (this.#child.exitCode !== null) throw new Error(`the server has ended: ${this.#said}`)
      return isReady()
    })
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) throw new Error(`the server had ended: ${this.#said}`)
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await ended
  }
}
