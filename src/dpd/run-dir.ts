/** What is dpd's own below /run/<instance>, made at start and again where somebody emptied it. */
import { mkdirSync } from 'node:fs'
import type { Server } from 'node:http'
import type { Instance } from '../core/instance.js'
import { ensureSocket } from './api/listen.js'
import type { PolicyStore } from './policy-store.js'

export function ensureFolders({ runDir, stateDir, noticesDir }: Instance): void {
  for (const dir of [runDir, stateDir, noticesDir]) mkdirSync(dir, { recursive: true })
}

/** A lost socket is the sign: without it no plugin finds this dpd. */
export function ensureRunDir(
  instance: Instance,
  policy: Pick<PolicyStore, 'inTurn' | 'recompile'>,
  socket: Server,
  warn: (message: string) => void,
): Promise<void> {
  return policy.inTurn(async () => {
    if (!(await ensureSocket(socket, instance.socketPath))) return
    ensureFolders(instance)
    await policy.recompile()
    warn(`${instance.runDir} was emptied: socket and attach.json are made again`)
  })
}
