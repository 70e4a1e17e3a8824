/** /v1/flows, followed or not, and /v1/flows/<id>/why. */

import type { Quarantine } from '../../core/api/endpoint.js'
import { type FlowQuery, type FlowView, flowQuerySchema } from '../../core/api/flow.js'
import { API_PROTOCOL, ApiRefusal, describeIssues } from '../../core/api/protocol.js'
import { explain } from '../because.js'
import { type FlowQueries, matchesQuery } from '../flows.js'
import { type Answer, json, type Route } from './http.js'

function queryOf(parameters: URLSearchParams): FlowQuery {
  const query = flowQuerySchema.safeParse(Object.fromEntries(parameters))
  if (query.success) return query.data
  throw new ApiRefusal(400, 'bad-query', describeIssues(query.error))
}

function follow(book: FlowQueries, query: FlowQuery): Answer {
  return {
    kind: 'stream',
    start: (write) =>
      book.follow((event, flow) => {
        if (matchesQuery(flow, { ...query, state: 'all' })) {
          write({ protocol: API_PROTOCOL, event, flow })
        }
      }),
  }
}

export function flowRoutes(
  book: FlowQueries,
  quarantineOf: (endpoint: number) => Quarantine | null,
  place: (flows: readonly FlowView[]) => FlowView[],
): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/flows',
      handle: async (request) => {
        const query = queryOf(request.query)
        if (query.follow === '1') return follow(book, query)
        return json({ flows: place(await book.list(query)) })
      },
    },
    {
      method: 'GET',
      path: '/v1/flows/:flow/why',
      handle: async ({ params }) => {
        const id = params.flow ?? ''
        const found = /^\d{1,16}$/.test(id) ? await book.find(Number(id)) : null
        const flow = found === null ? undefined : place([found])[0]
        if (flow !== undefined)
          return json({ flow, because: explain(flow, quarantineOf(flow.endpoint)) })
        throw new ApiRefusal(
          404,
          'no-such-flow',
          `flow ${JSON.stringify(id)}: not live and not among the last 10 000 ended; see \`dpctl flows\``,
        )
      },
    },
  ]
}
