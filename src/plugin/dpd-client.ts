/**
 * The plugin's one request to dpd, HTTP/1.1 over the control socket by hand: node:http would cost
 * the plugin its start-up time.
 */
import { createConnection } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { AttachmentKey, EndpointRecord } from '../core/endpoint.js'

/** dpd has this long to say that engine, policy and mode are in force (design §2, "At ADD"). */
export const DPD_ANSWER_MS = 2000
const ANSWER_MAX_OCTETS = 65536
/** Between two tries to reach a dpd that is just starting. */
const RETRY_MS = 50

export interface DpdClient {
  /** True: engine, policy and mode are in force. False: dpd is absent, silent or refused. */
  announce(record: EndpointRecord): Promise<boolean>
  /** False: dpd must find out by itself. */
  withdraw(key: AttachmentKey): Promise<boolean>
  /** Tried until DPD_ANSWER_MS have passed, so that a restart of dpd is no absence. */
  answers(): Promise<boolean>
}

/** Status code of one request, or null without an answer in time. */
function request(
  socketPath: string,
  head: string,
  body: string,
  timeoutMs = DPD_ANSWER_MS,
): Promise<number | null> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath)
    let answer = ''
    const finish = (status: number | null): void => {
      clearTimeout(deadline)
      socket.destroy()
      resolve(status)
    }
    const deadline = setTimeout(() => finish(null), timeoutMs)
    socket.setEncoding('latin1')
    socket.on('error', () => finish(null))
    socket.on('close', () => finish(statusOf(answer)))
    socket.on('data', (chunk: string) => {
      answer += chunk
      if (answer.includes('\r\n\r\n') || answer.length > ANSWER_MAX_OCTETS) finish(statusOf(answer))
    })
    const octets = Buffer.byteLength(body)
    const type = octets > 0 ? 'content-type: application/json\r\n' : ''
    socket.write(
      `${head} HTTP/1.1\r\nhost: dpd\r\nconnection: close\r\n${type}content-length: ${octets}\r\n\r\n${body}`,
    )
  })
}

function statusOf(answer: string): number | null {
  const match = /^HTTP\/1\.1 (\d{3}) /.exec(answer)
  return match === null ? null : Number(match[1])
}

const isSuccess = (status: number | null): boolean => status !== null && status < 300

async function answers(socketPath: string): Promise<boolean> {
  const endMs = performance.now() + DPD_ANSWER_MS
  for (;;) {
    const leftMs = endMs - performance.now()
    if (leftMs <= 0) return false
    if (isSuccess(await request(socketPath, 'GET /v1/status', '', leftMs))) return true
    await delay(RETRY_MS)
  }
}

export function dpdClient(socketPath: string): DpdClient {
  return {
    async announce(record) {
      const body = JSON.stringify({ protocol: 1, record })
      return isSuccess(await request(socketPath, 'POST /v1/endpoints', body))
    },
    async withdraw({ containerID, ifName }) {
      const path = `/v1/endpoints/${encodeURIComponent(containerID)}/${encodeURIComponent(ifName)}`
      const status = await request(socketPath, `DELETE ${path}`, '')
      return isSuccess(status) || status === 404
    },
    answers: () => answers(socketPath),
  }
}
