import { CNI_NOT_INTERCEPTABLE, CniError } from '../core/cni/error.js'
import { resultText } from '../core/cni/network-config.js'
import { podIdentity } from '../core/cni/pod-identity.js'
import type { EndpointRecord } from '../core/endpoint.js'
import { NotVethError } from '../intercept/interceptable.js'
import type { PluginDeps } from './deps.js'
import type { IsInForce } from './dpd-client.js'
import type { VerbHandler, VerbRequest } from './request.js'

/** ADD returns when the pod's first packet already meets its policy (design §2, "At ADD"). */
export const add: VerbHandler<PluginDeps> = async (request, deps) => {
  // dpd works on it while the rest of the attachment is done.
  let isInForce: IsInForce | undefined
  const record = attachOrPass(request, deps, (recorded) => {
    isInForce = deps.dpd.announce(recorded)
  })
  if (record !== null) {
    isInForce ??= deps.dpd.announce(record)
    if (isInForce()) deps.requireAttached(record)
    else withoutDpd(record, request, deps)
  }
  return resultText(request.stdin, request.config)
}

/** null = an interface that cannot be swapped, let through by its failure setting. */
function attachOrPass(
  request: VerbRequest,
  deps: PluginDeps,
  onRecorded: (record: EndpointRecord) => void,
): EndpointRecord | null {
  const { config, environment } = request
  const { containerID, ifName, netns, netnsMayBeOwn, args } = environment
  try {
    return deps.attach({
      ...podIdentity(args, containerID),
      containerID,
      ifName,
      netns,
      netnsMayBeOwn,
      network: config.name,
      driver: config.driver,
      failure: config.failure,
      onRecorded,
    })
  } catch (error) {
    if (!(error instanceof NotVethError)) throw error
    if (config.failure === 'open') {
      deps.warn(`${error.message}; passed without interception, since "failure" is open`)
      return null
    }
    throw new CniError(CNI_NOT_INTERCEPTABLE, error.message, 'conflist entry: "failure": "closed"')
  }
}

function withoutDpd(record: EndpointRecord, { config }: VerbRequest, deps: PluginDeps): void {
  const { path, failure } = deps.settingWithoutDpd(record, config.failure)
  deps.leaveNotice('ADD', record)
  deps.setPath(record, path, failure)
}
