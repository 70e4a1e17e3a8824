/** What all real servers of these surveys are asked alike: one connection's octets, and their own end. */
import type { ChildProcess } from 'node:child_process'
import { createConnection } from 'node:net'

/** What the server answered until it closed. */
export function exchanged(path: string, octets: string): Promise<string> {
  let answer = ''
  return new Promise((resolve) => {
    const socket = createConnection(path)
    socket.on('data', (received) => {
      answer += received.toString('latin1')
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
    socket.end(Buffer.from(octets, 'latin1'))
  })
}

export async function ended(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null)
    throw new Error(`the server had ended: ${server.exitCode ?? server.signalCode}`)
  const end = new Promise((resolve) => server.once('exit', resolve))
  server.kill(signal)
  await end
}
