/** Names and aliases of an endpoint's two links in the enforcer; they follow from its key alone. */
import type { AttachmentKey } from '../core/endpoint.js'
import { keyHash } from './endpoint-records.js'

export function vinName(key: AttachmentKey): string {
  return `vin-${keyHash(key)}`
}

export function vexName(key: AttachmentKey): string {
  return `vex-${keyHash(key)}`
}

/** In the pod, where another instance may have taken the plain name. */
export function vw0Names(id: number): readonly string[] {
  return ['vw0', `vw0-${id}`]
}

export const LINK_ALIAS_PREFIX = 'vethwall '

/** `ip -d link` shows whose link it is. */
export function linkAlias(key: AttachmentKey, role: 'vin' | 'vex' | 'vw0'): string {
  return `${LINK_ALIAS_PREFIX}${role} ${key.containerID} ${key.ifName}`
}
