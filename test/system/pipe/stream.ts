/** A TCP stream between namespaces that flows until it is told to stop. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import type { Netns } from '../../netns.js'
import { until } from '../../process.js'

/** Debian's own: a version manager's wrapper starts a shell for each call. */
const PYTHON = '/usr/bin/python3'
const PORT = 7000

/** Says how many octets came when the client is done. */
const SERVER = `import socket, sys, threading
def count(c):
    octets = 0
    try:
        while data := c.recv(1 << 20): octets += len(data)
        c.sendall(b'%d\\n' % octets); c.close()
    except OSError: pass
s = socket.create_server((sys.argv[1], ${PORT}), family=socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)
print('ready', flush=True)
while True: threading.Thread(target=count, args=(s.accept()[0],), daemon=True).start()
`
/** Sends until a line is read; says what the server counted, or what broke it. */
const CLIENT = `import socket, sys, threading
s = socket.create_connection((sys.argv[1], ${PORT}), 30)
stop, sent = threading.Event(), 0
threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
try:
    while not stop.is_set(): s.sendall(b'x' * 65536); sent += 65536
    s.shutdown(socket.SHUT_WR)
    print(sent - int(s.makefile().readline()), flush=True)
except OSError as error: print(type(error).__name__, flush=True)
`

export class Stream {
  readonly #child: ChildProcess
  readonly #lines: string[] = []

  private constructor(t: Test, netns: Netns, script: string, address: string) {
    const args = [`--net=${netns.path}`, PYTHON, '-c', script, address]
    const child = spawn('nsenter', args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child = child
    if (child.stdout !== null)
      createInterface(child.stdout).on('line', (line) => this.#lines.push(line))
    const closed = new Promise((resolve) => child.on('close', resolve))
    t.teardown(async () => {
      child.kill('SIGKILL')
      await closed
    })
  }

  static async serve(t: Test, netns: Netns, address: string): Promise<void> {
    await new Stream(t, netns, SERVER, address).said()
  }

  /** Its last word is how many of its octets did not come, or what broke it. */
  static flow(t: Test, netns: Netns, address: string): Stream {
    return new Stream(t, netns, CLIENT, address)
  }

  async said(): Promise<string> {
    await until('a line', () => this.#lines.length > 0)
    return this.#lines.shift() ?? ''
  }

  stop(): void {
    this.#child.stdin?.write('\n')
  }
}
