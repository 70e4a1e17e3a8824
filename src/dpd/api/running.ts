/** /v1/running, /v1/adopt and /v1/release. */
import { ApiRefusal, describeIssues } from '../../core/api/protocol.js'
import {
  adoptRequestSchema,
  type MovedView,
  type RunningView,
  releaseRequestSchema,
} from '../../core/api/running.js'
import { json, type Route } from './http.js'

export interface RunningApi {
  list(): readonly RunningView[]
  /** null = all. */
  adopt(pod: string | null, by: 'auto' | 'hairpin' | 'swap'): Promise<readonly MovedView[]>
  release(pod: string | null): Promise<readonly MovedView[]>
}

export function runningRoutes(api: RunningApi): Route[] {
  return [
    { method: 'GET', path: '/v1/running', handle: () => json({ pods: api.list() }) },
    {
      method: 'POST',
      path: '/v1/adopt',
      handle: async ({ body }) => {
        const request = adoptRequestSchema.safeParse(body)
        if (!request.success) throw new ApiRefusal(400, 'bad-adopt', describeIssues(request.error))
        const { pod, by } = request.data
        return json({ pods: await api.adopt(pod, by) })
      },
    },
    {
      method: 'POST',
      path: '/v1/release',
      handle: async ({ body }) => {
        const request = releaseRequestSchema.safeParse(body)
        if (!request.success) {
          throw new ApiRefusal(400, 'bad-release', describeIssues(request.error))
        }
        return json({ pods: await api.release(request.data.pod) })
      },
    },
  ]
}
