import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { os } from '../../src/intercept/addon.js'
import { OsError } from '../../src/intercept/os.js'
import { ENDS_WITH_US } from '../process.js'

const END = '\r\n\r\n'
const MAX_OCTETS = 65_536

/** The call blocks this process: who answers is another. `answer` is JavaScript, of a `socket` and what it `heard`. */
async function listener(t: Test, answer: string): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'vethwall-exchange-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const path = join(dir, 'socket')
  const server = `require('node:net').createServer((socket) => {
    socket.on('error', () => {}).on('data', (heard) => { ${answer} })
  }).listen(${JSON.stringify(path)}, () => console.log('listening'))`
  const args = [...ENDS_WITH_US, process.execPath, '-e', server]
  const child = spawn('setpriv', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return path
}

function exchange(path: string, request = 'x', timeoutMs = 5000): string {
  const fd = os.unixSend(path, Buffer.from(request), timeoutMs)
  return Buffer.from(os.unixAnswer(fd, END, MAX_OCTETS, timeoutMs)).toString('latin1')
}

const codeOf = (action: () => unknown): string => {
  try {
    action()
    return 'none'
  } catch (error) {
    return error instanceof OsError ? error.code : String(error)
  }
}

t.test('up to the end mark, though the peer keeps the connection', async (t) => {
  const path = await listener(
    t,
    `socket.write('a\\r\\n'); setTimeout(() => socket.write('\\r\\nb'), 5)`,
  )
  t.match(exchange(path), /^a\r\n\r\n/)
})

t.test('a request of any length arrives whole', async (t) => {
  const answer = `socket.seen = (socket.seen ?? 0) + heard.length; if (socket.seen === 1e6) socket.end('all')`
  const path = await listener(t, answer)
  t.equal(exchange(path, 'x'.repeat(1e6)), 'all')
})

t.test(
  'an answer without an end mark: until the peer closes, or as much as was asked for',
  async (t) => {
    const closed = await listener(t, `socket.end(heard)`)
    t.equal(exchange(closed, 'abc'), 'abc')
    const endless = await listener(t, `socket.write(Buffer.alloc(1e6, 'x'))`)
    const { length } = exchange(endless)
    t.ok(length >= MAX_OCTETS && length < 2 * MAX_OCTETS, `${length} octets`)
  },
)

t.test('faults: nobody there, a silent peer, a name too long', async (t) => {
  t.equal(
    codeOf(() => exchange('/nonexistent/socket')),
    'ENOENT',
  )
  t.equal(
    codeOf(() => exchange(`/${'x'.repeat(200)}`)),
    'ENAMETOOLONG',
  )
  const silent = await listener(t, '')
  t.equal(
    codeOf(() => exchange(silent, 'x', 50)),
    'ETIMEDOUT',
  )
  t.equal(
    codeOf(() => exchange(process.execPath)),
    'ECONNREFUSED',
    'no socket at all',
  )
  const fd = os.unixSend(silent, Buffer.from('x'), 5000)
  codeOf(() => os.unixAnswer(fd, END, MAX_OCTETS, 0))
  t.equal(
    codeOf(() => os.close(fd)),
    'EBADF',
    'closed, though nothing came',
  )
})
