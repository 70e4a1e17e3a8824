/** /v1/endpoints (the plugin's), /v1/pods and /v1/mode (the operator's). */
import {
  endpointNoticeSchema,
  modeRequestSchema,
  type PodView,
  quarantineRequestSchema,
} from '../../core/api/endpoint.js'
import { ApiRefusal, describeIssues } from '../../core/api/protocol.js'
import type { EndpointRecord, Mode } from '../../core/endpoint.js'
import type { Endpoint } from '../endpoints.js'
import { matchesPod } from '../flows.js'
import { json, type Route } from './http.js'

export interface EndpointsApi {
  /** Resolves when engine, policy and mode are in force. */
  attach(record: EndpointRecord): Promise<Endpoint>
  detach(key: { containerID: string; ifName: string }): Promise<void>
  all(): readonly Endpoint[]
  views(endpoints: readonly Endpoint[]): Promise<PodView[]>
  setMode(
    endpoints: readonly Endpoint[],
    mode: Mode | 'auto' | 'quarantine' | 'release',
  ): Promise<void>
  /** null = released. */
  setQuarantine(endpoints: readonly Endpoint[], reason: string | null): Promise<void>
}

/** All interfaces that `namespace/name[/ifName]` or an endpoint id names. */
export function findPods(endpoints: readonly Endpoint[], reference: string): Endpoint[] {
  const found = endpoints.filter(({ record }) => matchesPod(record, record.id, reference))
  if (found.length > 0) return found
  throw new ApiRefusal(
    404,
    'no-such-pod',
    `pod ${JSON.stringify(reference)}: not intercepted here; write namespace/name[/ifName] or an endpoint id as \`dpctl pods\` shows them`,
  )
}

export function endpointRoutes(api: EndpointsApi): Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/endpoints',
      handle: async ({ body }) => {
        const notice = endpointNoticeSchema.safeParse(body)
        if (!notice.success) throw new ApiRefusal(400, 'bad-record', describeIssues(notice.error))
        const { path, mode, applied } = await api.attach(notice.data.record)
        if (applied) return json({ path, mode })
        throw new ApiRefusal(
          503,
          'not-in-force',
          'the endpoint is known, its path is not in force: see the log',
        )
      },
    },
    {
      method: 'DELETE',
      path: '/v1/endpoints/:containerID/:ifName',
      handle: async ({ params }) => {
        await api.detach({
          containerID: params.containerID ?? '',
          ifName: params.ifName ?? '',
        })
        return json({})
      },
    },
    {
      method: 'GET',
      path: '/v1/endpoints',
      handle: () => json({ endpoints: api.all().map(({ record }) => record) }),
    },
    {
      method: 'GET',
      path: '/v1/pods',
      handle: async () => json({ pods: await api.views(api.all()) }),
    },
    {
      method: 'POST',
      path: '/v1/mode',
      handle: async ({ body }) => {
        const request = modeRequestSchema.safeParse(body)
        if (!request.success) throw new ApiRefusal(400, 'bad-mode', describeIssues(request.error))
        const pods = findPods(api.all(), request.data.pod)
        await api.setMode(pods, request.data.mode)
        return json({ pods: await api.views(findPods(api.all(), request.data.pod)) })
      },
    },
    {
      method: 'POST',
      path: '/v1/quarantine',
      handle: async ({ body }) => {
        const request = quarantineRequestSchema.safeParse(body)
        if (!request.success)
          throw new ApiRefusal(400, 'bad-quarantine', describeIssues(request.error))
        const { pod, reason } = request.data
        await api.setQuarantine(findPods(api.all(), pod), reason)
        return json({ pods: await api.views(findPods(api.all(), pod)) })
      },
    },
  ]
}
