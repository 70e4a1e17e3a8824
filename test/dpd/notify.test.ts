import { spawn } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { openNotifier } from '../../src/dpd/notify.js'
import { until } from '../process.js'
import { socketDir } from '../socket-dir.js'

/** systemd's end: node has no AF_UNIX datagram socket. */
const RECEIVER = `import socket,sys
s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); s.bind(sys.argv[1]); print('bound',flush=True)
while True: print(s.recv(4096).decode().replace('\\n',' '),flush=True)`

t.test('nothing to do without NOTIFY_SOCKET', async (t) => {
  const notifier = openNotifier({}, t.fail)
  t.equal(notifier.watchdogMs, null)
  await notifier.send('READY=1')
})

t.test('READY reaches the socket; WatchdogSec is halved', async (t) => {
  const socket = join(socketDir(t), 's')
  const receiver = spawn('python3', ['-c', RECEIVER, socket])
  t.teardown(() => receiver.kill('SIGKILL'))
  let text = ''
  receiver.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  await until('bound', () => text.includes('bound'))
  const environment = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '10000000' }
  const notifier = openNotifier(environment, t.fail)
  t.equal(notifier.watchdogMs, 5000)
  await notifier.send('READY=1', `MAINPID=${process.pid}`)
  await until('READY', () => text.includes('READY=1'))
  t.match(text, new RegExp(`MAINPID=${process.pid}`))
  t.equal(openNotifier({ ...environment, WATCHDOG_PID: '1' }, t.fail).watchdogMs, null)
})
