/** Where the control socket and the metrics port stand. */
import * as fs from 'node:fs'
import type * as http from 'node:http'
import * as net from 'node:net'
import * as path from 'node:path'

const SOCKET_MODE = 0o660

/** The operator's to resolve, no fault of ours. */
export class InUseError extends Error {
  override readonly name = 'InUseError'
}

/** Before anything is touched: two daemons of one instance would each undo what the other does. */
export async function refuseSecond(socketPath: string): Promise<void> {
  if (fs.existsSync(socketPath) && (await answers(socketPath))) {
    throw new InUseError(`${socketPath}: another dpd of this instance is running; stop it first`)
  }
}

/** Takes the place of a dead daemon's socket. */
export async function listenOnSocket(server: http.Server, socketPath: string): Promise<void> {
  fs.mkdirSync(path.dirname(socketPath), { recursive: true, mode: 0o755 })
  fs.rmSync(socketPath, { force: true })
  await listen(server, { path: socketPath })
  fs.chmodSync(socketPath, SOCKET_MODE)
}

/** Where /run was emptied under a living daemon. False = the socket is still there. */
export async function ensureSocket(server: http.Server, socketPath: string): Promise<boolean> {
  if (fs.existsSync(socketPath)) return false
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await listenOnSocket(server, socketPath)
  return true
}

export async function listenOnLoopback(
  server: http.Server,
  address: { readonly host: string; readonly port: number },
): Promise<void> {
  const { host, port } = address
  await listen(server, address).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error
    throw new InUseError(`metrics.listen ${host} port ${port}: in use; choose another port`)
  })
}

function listen(server: http.Server, options: net.ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.createConnection(socketPath)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
