/** eth0's filters first, so that the pod's frames go their own way again; then the pair. Any number of times. */
import { type EndpointRecord, linksOf } from '../../core/endpoint.js'
import type { InterceptContext } from '../context.js'
import type { Enforcer } from '../driver.js'
import type { PodNetns } from '../pod-state.js'
import { deletePair } from './pair.js'
import { removeEth0Hooks } from './pod-filters.js'

/** `pod` null = its namespace is gone, and the filters with it. */
export function releaseHairpin(
  context: InterceptContext,
  enforcer: Enforcer,
  pod: PodNetns | null,
  record: EndpointRecord,
): void {
  const { os, instance } = context
  if (pod !== null) {
    const half = { os, instance, ...pod }
    removeEth0Hooks(half, linksOf(record).podIfindex)
  }
  deletePair(context, enforcer, record)
}
