import { ID } from './environment.js'

/** Who a pod is (design §5): CNI_ARGS, without them namespace `default` and the container's id. */
export interface PluginIdentity {
  readonly namespace: string
  readonly pod: string
  readonly podUid: string | null
}

/** Kubernetes object names are a subset of this; what isn't could not be named by a policy either. */
const named = (value: string | undefined): string | null =>
  value !== undefined && ID.test(value) ? value : null

export function podIdentity(
  args: ReadonlyMap<string, string>,
  containerID: string,
): PluginIdentity {
  return {
    namespace: named(args.get('K8S_POD_NAMESPACE')) ?? 'default',
    pod: named(args.get('K8S_POD_NAME')) ?? containerID,
    podUid: named(args.get('K8S_POD_UID')),
  }
}
