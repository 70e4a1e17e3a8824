import { CNI_SWAP_FAILED, CniError } from '../core/cni/error.js'
import type { AttachmentKey } from '../core/endpoint.js'
import type { PluginDeps } from './deps.js'
import type { VerbHandler } from './request.js'

const isSame = (a: AttachmentKey, b: AttachmentKey): boolean =>
  a.containerID === b.containerID && a.ifName === b.ifName

/**
 * Takes away what this network's runtime no longer has; goes on past errors and reports them as one. ADD and
 * DEL do not run meanwhile, the specification says; where one does, its attachment is left to it.
 */
export const gc: VerbHandler<PluginDeps> = async ({ config }, deps) => {
  const { validAttachments: valid } = config
  if (valid === null) return null
  const failures: string[] = []
  let hasDpd = true
  for (const record of deps.attachments(config.name)) {
    if (valid.some((attachment) => isSame(attachment, record))) continue
    try {
      deps.detach(record, record.netns)
      // A dpd that is silent costs its time once.
      hasDpd = hasDpd && (await deps.dpd.withdraw(record))
      if (!hasDpd) deps.leaveNotice('DEL', record)
    } catch (error) {
      failures.push(`${record.containerID} ${record.ifName}: ${String(error)}`)
    }
  }
  if (failures.length === 0) return null
  const message = `${failures.length} attachments could not be collected`
  throw new CniError(CNI_SWAP_FAILED, message, failures.join('; '))
}
