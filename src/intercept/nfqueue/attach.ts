/**
 * ADD where nothing is swapped: rules in the pod's own namespace, journalled before the first change. A new pod
 * ends with every packet dropped until its path is set, a running one as before; or exactly as it was.
 */
import { ENDPOINT_RECORD_SCHEMA, type EndpointRecord } from '../../core/endpoint.js'
import type { Link } from '../../core/netlink/link.js'
import { isNameable, type RuledPath } from '../../core/xtables/pod-chains.js'
import type { AttachSpec } from '../attach-spec.js'
import type { InterceptContext } from '../context.js'
import type { PathSetting } from '../driver.js'
import { allocateId } from '../endpoint-id.js'
import { writeRecord } from '../endpoint-records.js'
import { NotVethError } from '../interceptable.js'
import { type JournalEntry, removeJournal, writeJournal } from '../journal.js'
import { withLock } from '../lock.js'
import type { OpenNetns } from '../netns.js'
import { addressTexts, type PodNetns, readPodState } from '../pod-state.js'
import { withRuledNetns } from './ruled-netns.js'
import { checkRules, installRules } from './rules.js'
import { XtablesError } from './xtables.js'

export interface RuledPlace {
  readonly context: InterceptContext
  readonly pod: PodNetns
  readonly netns: OpenNetns
  readonly link: Link
  readonly why: string
  readonly yieldToDel: () => void
  readonly undo: (entry: JournalEntry) => void
}

const DIRECT: RuledPath = { path: 'direct', failure: 'open', mark: 0 }
const QUARANTINE: RuledPath = { path: 'quarantine', failure: 'closed', mark: 0 }

function planned(
  place: RuledPlace,
  spec: AttachSpec,
  id: number,
  told: ReturnType<typeof addressTexts>,
) {
  const { context, netns } = place
  const record: EndpointRecord = {
    ...{ schema: ENDPOINT_RECORD_SCHEMA, bootId: context.bootId, id },
    ...{ containerID: spec.containerID, ifName: spec.ifName, network: spec.network },
    ...{ netns: spec.netns, netnsInode: netns.identity },
    ...{ namespace: spec.namespace, pod: spec.pod, podUid: spec.podUid },
    ...{ driver: 'nfqueue', why: place.why, attachment: 'rules', links: null, mac: place.link.mac },
    ...{ ...told, failure: spec.failure, createdAt: context.now() },
  }
  return record
}

export function attachByRules(place: RuledPlace, spec: AttachSpec): EndpointRecord {
  const { context, pod, netns, link, yieldToDel } = place
  const { os, instance, warn } = context
  if (!isNameable(link.name)) {
    throw new NotVethError(`interface ${link.name}: iptables can't name it`)
  }
  const before = readPodState(os, pod, link)
  yieldToDel()
  const entry = withLock(os, instance.lockPath, () => {
    const id = allocateId(instance, warn)
    const made = { record: planned(place, spec, id, addressTexts(before)), before }
    writeJournal(instance, made)
    return made
  })
  const { record } = entry
  try {
    installRules(instance, netns.fd, record, spec.isRunning === true ? DIRECT : QUARANTINE)
    yieldToDel()
    writeRecord(instance, record)
    removeJournal(instance, spec)
    return record
  } catch (error) {
    place.undo(entry)
    if (!(error instanceof XtablesError) || context.rules === 'always') throw error
    throw new NotVethError(`${place.why}; rules in its place are refused: ${error.message}`)
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
  const done = withRuledNetns(context, record, [record.netns], (netnsFd) => {
    installRules(context.instance, netnsFd, record, { path, failure, mark: 0 })
    return true
  })
  if (done === null) throw new Error(`${record.netns} no longer leads to the pod`)
}
