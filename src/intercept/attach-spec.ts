import type { AttachmentKey, Failure } from '../core/endpoint.js'

/** What an ADD asks for. */
export interface AttachSpec extends AttachmentKey {
  readonly network: string
  readonly netns: string
  readonly namespace: string
  readonly pod: string
  readonly podUid: string | null
  readonly failure: Failure
}
