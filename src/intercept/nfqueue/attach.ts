/**
 * ADD where nothing is swapped: rules in the pod's own namespace, journalled before the first change. A new pod
 * ends with every packet dropped until its path is set, a running one as before; or exactly as it was.
 */
import type { EndpointRecord } from '../../core/endpoint.js'
import type { Link } from '../../core/netlink/link.js'
import { isNameable, type RuledPath } from '../../core/xtables/pod-chains.js'
import type { AttachSpec } from '../attach-spec.js'
import type { InterceptContext } from '../context.js'
import type { PathSetting } from '../driver.js'
import { NotVethError } from '../interceptable.js'
import { journalled } from '../journalled.js'
import type { OpenNetns } from '../netns.js'
import type { Place } from '../place.js'
import { readPodState } from '../pod-state.js'
import { withRuledPod } from './ruled-netns.js'
import { checkRules, installRules } from './rules.js'
import { XtablesError } from './xtables.js'

const DIRECT: RuledPath = { path: 'direct', failure: 'open', mark: 0 }
const QUARANTINE: RuledPath = { path: 'quarantine', failure: 'closed', mark: 0 }

export function attachByRules(
  place: Place,
  link: Link,
  why: string,
  spec: AttachSpec,
): EndpointRecord {
  const { context, pod, netns } = place
  const { os, instance } = context
  if (!isNameable(link.name)) {
    throw new NotVethError(`interface ${link.name}: iptables can't name it`)
  }
  const way = { driver: 'nfqueue', why, attachment: 'rules', links: null, mac: link.mac } as const
  try {
    return journalled(
      place,
      spec,
      readPodState(os, pod, link),
      () => way,
      ({ record }) => {
        const setting = spec.isRunning === true ? DIRECT : QUARANTINE
        installRules(instance, netns.fd, record, setting)
        place.yieldToDel()
      },
    )
  } catch (error) {
    if (!(error instanceof XtablesError) || context.rules === 'always') throw error
    throw new NotVethError(`${why}; rules in its place are refused: ${error.message}`)
  }
}

/** A runtime may repeat ADD: whatever path is in force stays so. */
export function isRuled(
  { instance, bootId }: InterceptContext,
  known: EndpointRecord,
  netns: OpenNetns,
): boolean {
  if (known.bootId !== bootId || known.netnsInode !== netns.identity) return false
  return checkRules(instance, netns.fd, known).length === 0
}

/** For the plugin where dpd is away: direct or quarantine. */
export function setRulesPath(
  context: InterceptContext,
  record: EndpointRecord,
  { path, failure }: PathSetting,
): void {
  const done = withRuledPod(context, record, [record.netns], ({ netnsFd }) => {
    installRules(context.instance, netnsFd, record, { path, failure, mark: 0 })
    return true
  })
  if (done === null) throw new Error(`${record.netns} no longer leads to the pod`)
}
