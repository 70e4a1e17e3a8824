/**
 * The plugin's one request to dpd, HTTP/1.1 over the control socket by hand: node:http, and node:net too,
 * would cost the plugin its start-up time.
 */
import type { AttachmentKey, EndpointRecord } from '../core/endpoint.js'
import { type Os, OsError } from '../intercept/os.js'

/** dpd has this long to say that engine, policy and mode are in force (design §2, "At ADD"). */
export const DPD_ANSWER_MS = 2000
const ANSWER_MAX_OCTETS = 65536
const HEAD_END = '\r\n\r\n'
/** Between two tries to reach a dpd that is just starting. */
const RETRY_MS = 50

export interface DpdClient {
  /** Sent at once; the call of what it returns waits for the answer. */
  announce(record: EndpointRecord): IsInForce
  /** False: dpd must find out by itself. */
  withdraw(key: AttachmentKey): Promise<boolean>
  /** Tried until DPD_ANSWER_MS have passed, so that a restart of dpd is no absence. */
  answers(): Promise<boolean>
}

/** True: engine, policy and mode are in force. False: dpd is absent, silent or refused. */
export type IsInForce = () => boolean

/** Status code of the request, or null without an answer in time. */
type Answer = () => number | null
/** Sends one request. */
type Ask = (head: string, body: string, timeoutMs?: number) => Answer

const asker =
  (os: Os, socketPath: string): Ask =>
  (head, body, timeoutMs = DPD_ANSWER_MS) => {
    const endMs = performance.now() + timeoutMs
    const fd = orNull(() => os.unixSend(socketPath, requestOf(head, body), timeoutMs))
    return () => {
      if (fd === null) return null
      const leftMs = Math.max(0, Math.ceil(endMs - performance.now()))
      const answer = orNull(() => os.unixAnswer(fd, HEAD_END, ANSWER_MAX_OCTETS, leftMs))
      return answer === null ? null : statusOf(answer)
    }
  }

function requestOf(head: string, body: string): Buffer {
  const octets = Buffer.byteLength(body)
  const type = octets > 0 ? 'content-type: application/json\r\n' : ''
  return Buffer.from(
    `${head} HTTP/1.1\r\nhost: dpd\r\nconnection: close\r\n${type}content-length: ${octets}${HEAD_END}${body}`,
  )
}

function orNull<T>(call: () => T): T | null {
  try {
    return call()
  } catch (error) {
    if (error instanceof OsError) return null
    throw error
  }
}

function statusOf(answer: Uint8Array): number | null {
  const match = /^HTTP\/1\.1 (\d{3}) /.exec(Buffer.from(answer).toString('latin1'))
  return match === null ? null : Number(match[1])
}

const isSuccess = (status: number | null): boolean => status !== null && status < 300

async function answers(ask: Ask): Promise<boolean> {
  const endMs = performance.now() + DPD_ANSWER_MS
  for (;;) {
    const leftMs = Math.floor(endMs - performance.now())
    if (leftMs <= 0) return false
    if (isSuccess(ask('GET /v1/status', '', leftMs)())) return true
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}

export function dpdClient(os: Os, socketPath: string): DpdClient {
  const ask = asker(os, socketPath)
  return {
    announce(record) {
      const answer = ask('POST /v1/endpoints', JSON.stringify({ protocol: 1, record }))
      return () => isSuccess(answer())
    },
    async withdraw({ containerID, ifName }) {
      const path = `/v1/endpoints/${encodeURIComponent(containerID)}/${encodeURIComponent(ifName)}`
      const status = ask(`DELETE ${path}`, '')()
      return isSuccess(status) || status === 404
    },
    answers: async () => answers(ask),
  }
}
