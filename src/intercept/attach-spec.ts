import type { AttachmentKey, EndpointRecord, Failure } from '../core/endpoint.js'

/** What an ADD asks for, or the adoption of a running pod. */
export interface AttachSpec extends AttachmentKey {
  readonly network: string
  readonly netns: string
  readonly namespace: string
  readonly pod: string
  readonly podUid: string | null
  readonly failure: Failure
  /**
   * Its processes know eth0's index, which stays (decision 0008), and it goes on as before until its path
   * is set: it had no policy until now.
   */
  readonly isRunning?: boolean
  /** Of a swap: called when it is done and on disk, before what may be done beside others' work on it. */
  readonly onRecorded?: (record: EndpointRecord) => void
}
