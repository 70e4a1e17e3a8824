import type { Attachment, EndpointRecord, Failure } from '../../core/endpoint.js'
import { joinedGroups } from '../../core/multicast-groups.js'
import { HOST_LITTLE_ENDIAN } from '../../core/netlink/attribute.js'
import { decodeLink } from '../../core/netlink/link.js'
import { dumpLinks } from '../../core/netlink/link-request.js'
import { BpfDriver } from '../bpf/driver.js'
import type { InterceptContext } from '../context.js'
import { attachHairpin, NoHairpinError } from '../hairpin/attach.js'
import { hookProblem } from '../hairpin/pod-filters.js'
import { NoSuchInterfaceError, refusal } from '../interceptable.js'
import { openPodNetns } from '../netns.js'
import { whyRules } from '../nfqueue/choice.js'
import { openPodIn } from '../open-pod.js'
import { type PodNetns, readLink } from '../pod-state.js'
import { dump } from '../rtnetlink.js'
import { attach } from '../swap.js'
import type { RunningPod } from './find.js'

export type Way = 'auto' | 'hairpin' | 'swap'

export interface Adopted {
  readonly record: EndpointRecord
  /** What the pod has lost by it and does not get back; whole phrases. */
  readonly lost: readonly string[]
}

/** How a pod would come in, and why not by hairpin, or not at all. */
export interface Prospect {
  readonly by: Attachment | null
  readonly why: string
}

function inNetns<T>(context: InterceptContext, path: string, use: (pod: PodNetns) => T): T {
  const pod = openPodIn(context, openPodNetns(path).fd)
  try {
    return use(pod)
  } finally {
    pod.close()
  }
}

function noHairpin({ os, instance, driver }: InterceptContext, pod: PodNetns, ifindex: number) {
  if (!(driver instanceof BpfDriver)) return `a hairpin needs the bpf driver, not ${driver.name}`
  return hookProblem({ os, instance, ...pod }, ifindex)
}

/** Looks, and changes nothing. */
export function prospectOf(context: InterceptContext, running: RunningPod): Prospect {
  const { os } = context
  try {
    return inNetns(context, running.netns, (pod): Prospect => {
      const link = readLink(os, pod.netlinkFd, running.ifName)
      if (link === null) throw new NoSuchInterfaceError(running.ifName, running.netns)
      const why = link.kind === 'veth' ? noHairpin(context, pod, link.ifindex) : 'it is no veth'
      if (why === null) return { by: 'hairpin', why: '' }
      const links = dump(os, pod.netlinkFd, dumpLinks()).map(decodeLink)
      const refused = refusal(
        link,
        links.filter((other) => other !== null),
      )
      const rules = whyRules(context, link, refused)
      if (rules !== null) return { by: 'rules', why: rules }
      return refused === null ? { by: 'swap', why } : { by: null, why: refused.message }
    })
  } catch (error) {
    return { by: null, why: error instanceof Error ? error.message : String(error) }
  }
}

/** Its frames pass as before until the caller sets the path. */
export function adopt(
  context: InterceptContext,
  running: RunningPod,
  way: Way,
  failure: Failure,
): Adopted {
  const spec = { ...running, failure, isRunning: true }
  let why = 'a swap was asked for'
  if (way !== 'swap') {
    try {
      const record = attachHairpin({ ...context, why: `${context.why}; ran before` }, spec)
      return { record, lost: [] }
    } catch (error) {
      if (way === 'hairpin' || !(error instanceof NoHairpinError)) throw error
      why = error.message
    }
  }
  const groups = inNetns(context, running.netns, (pod) => groupsOf(context, pod, running.ifName))
  const record = attach({ ...context, why: `${context.why}; ran before; ${why}` }, spec)
  if (record.attachment === 'rules') return { record, lost: [] }
  return { record, lost: groups.map((group) => `membership of ${group}: join it again`) }
}

/** The kernel's memory of them goes with the interface; below thread-self it is the thread's namespace. */
function groupsOf({ os }: InterceptContext, { netnsFd }: PodNetns, ifName: string): string[] {
  const paths = ['/proc/thread-self/net/igmp', '/proc/thread-self/net/igmp6']
  const [igmp, igmp6] = os.netnsReadFiles(netnsFd, paths)
  return joinedGroups({ igmp: igmp ?? '', igmp6: igmp6 ?? '' }, ifName, HOST_LITTLE_ENDIAN)
}
