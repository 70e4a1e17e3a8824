/** wrk: connections of one request each, and requests over connections that stay. */
import * as z from 'zod'
import { flowsAnswerSchema } from '../../src/core/api/flow.js'
import type { Link } from '../bed.js'
import { CONNECTION_ROWS } from '../goals.js'
import { isJudged, PORTS } from '../paths.js'
import type { PathWorkload } from './workload.js'

const CONNECTIONS = 16
/** Of the flows that dpd remembers, so many are asked whether they were identified. */
const FLOWS_ASKED = 5000
const PATH = '/items/1'

/** Requests a second that were answered with 200. */
async function wrk(
  { client, server }: Link,
  seconds: number,
  url: { readonly scheme: 'http' | 'https'; readonly port: number },
  more: readonly string[] = [],
): Promise<number> {
  const how = ['-t', '1', '-c', String(CONNECTIONS), '-d', `${seconds}s`, ...more]
  const to = `${url.scheme}://${server.ip4}:${url.port}${PATH}`
  const { stdout, stderr } = await client.exec('wrk', [...how, to], {
    timeoutMs: (seconds + 30) * 1000,
  })
  const rate = /Requests\/sec: +([\d.]+)/.exec(stdout)?.[1]
  if (rate === undefined) throw new Error(`wrk: ${stdout}${stderr}`)
  const wrong = /Socket errors: .*|Non-2xx .*/.exec(stdout)?.[0]
  if (wrong !== undefined && !/connect 0, read 0, write 0, timeout 0/.test(wrong)) {
    throw new Error(`wrk: ${wrong}`)
  }
  return z.coerce.number().positive().parse(rate)
}

/** Per cent of the flows to a port since then of which dpd knows that they were `app`. */
async function identified(
  { node, path }: Link,
  port: number,
  app: string,
  since: number,
): Promise<number> {
  const answer = await node.api(`/v1/flows?pod=default/${path}&limit=${FLOWS_ASKED}`)
  const flows = flowsAnswerSchema
    .parse(answer)
    .flows.filter((flow) => flow.destinationPort === port && Date.parse(flow.startedAt) >= since)
  if (flows.length === 0) throw new Error(`dpd knows no flow to port ${port}`)
  return (100 * flows.filter((flow) => flow.app === app).length) / flows.length
}

interface Connections {
  readonly name: string
  readonly row: string
  readonly about: string
  readonly scheme: 'http' | 'https'
  readonly port: number
  /** What each must be recognised as; null = decided at its SYN. */
  readonly app: string | null
}

function connections({ name, row, about, scheme, port, app }: Connections): PathWorkload {
  const share = `${row}: identified`
  const metric = { name: row, unit: '/s', better: 'more', base: 'plain' } as const
  const shareMetric = { name: share, unit: '%', better: 'more', base: null } as const
  return {
    name,
    about,
    servers: ['nginx'],
    metrics: app === null ? [metric] : [metric, shareMetric],
    async measure(link, { seconds }) {
      const since = Date.now()
      const rate = await wrk(link, seconds, { scheme, port }, ['-H', 'Connection: close'])
      if (app === null || !isJudged(link.path)) return { [row]: rate }
      return { [row]: rate, [share]: await identified(link, port, app, since) }
    },
  }
}

function keptConnections(name: string, row: string, about: string, port: number): PathWorkload {
  return {
    name,
    about,
    servers: ['nginx'],
    metrics: [{ name: row, unit: '/s', better: 'more', base: 'plain' }],
    async measure(link, { seconds }) {
      return { [row]: await wrk(link, seconds, { scheme: 'http', port }) }
    },
  }
}

export const requests: readonly PathWorkload[] = [
  connections({
    ...{ name: 'conn-tcp', row: 'new connections, by port', scheme: 'http', port: PORTS.port },
    ...{ about: 'connections of one request each, allowed by their port', app: null },
  }),
  connections({
    ...{ name: 'conn-http', row: CONNECTION_ROWS.http, scheme: 'http', port: PORTS.http },
    ...{ about: 'connections of one request each, allowed as HTTP', app: 'http' },
  }),
  connections({
    ...{ name: 'conn-tls', row: CONNECTION_ROWS.tls, scheme: 'https', port: PORTS.tls },
    ...{ about: 'connections of one handshake and request each, allowed as TLS', app: 'tls' },
  }),
  keptConnections(
    'http',
    'HTTP requests, by port',
    'requests over 16 connections that stay, allowed by their port',
    PORTS.port,
  ),
  keptConnections(
    'http-judged',
    'HTTP requests, each judged',
    'requests over 16 connections that stay, each judged by method and path',
    PORTS.requests,
  ),
]
