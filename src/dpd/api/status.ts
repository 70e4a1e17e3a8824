/** /v1/status, /v1/policy/learned, /v1/preflight, /metrics. */

import { ApiRefusal } from '../../core/api/protocol.js'
import type { StatusAnswer } from '../../core/api/status.js'
import { type Family, formatOpenMetrics, OPENMETRICS_TYPE } from '../metrics.js'
import type { Preflight } from '../preflight.js'
import { json, type Route } from './http.js'

export interface StatusApi {
  status(): Omit<StatusAnswer, 'protocol'>
  learned(pod: string): { readonly learned: number; readonly policy: string }
  preflight(): Preflight
  metrics(): Promise<readonly Family[]>
}

export function metricsRoute(api: Pick<StatusApi, 'metrics'>): Route {
  return {
    method: 'GET',
    path: '/metrics',
    handle: async () => ({
      kind: 'text',
      contentType: OPENMETRICS_TYPE,
      text: formatOpenMetrics(await api.metrics()),
    }),
  }
}

export function statusRoutes(api: StatusApi): Route[] {
  return [
    metricsRoute(api),
    { method: 'GET', path: '/v1/status', handle: () => json(api.status()) },
    { method: 'GET', path: '/v1/preflight', handle: () => json(api.preflight()) },
    {
      method: 'GET',
      path: '/v1/policy/learned',
      handle: ({ query }) => {
        const pod = query.get('pod')
        if (pod === null) throw new ApiRefusal(400, 'bad-query', 'pod: say ?pod=namespace/name')
        return json({ pod, ...api.learned(pod) })
      },
    },
  ]
}
