import type { AttachmentKey } from '../core/endpoint.js'

/** What the runtime gave up is undone, not finished. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError'
  constructor({ containerID, ifName }: AttachmentKey) {
    super(`DEL of ${ifName} of container ${containerID} came while ADD ran`)
  }
}
