/**
 * Attachments that the operator gave back to their pods: they stay out, whatever `runningPods.adopt` says,
 * and the runtime's CHECK of them is content. One file each, until DEL or a new ADD, or an adoption.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod/mini'
import type { AttachmentKey } from '../core/endpoint.js'
import type { Instance } from '../core/instance.js'
import type { InterceptContext } from './context.js'
import { keyHash, readState, stateFiles } from './endpoint-records.js'
import { removeBootFile, writeBootFile } from './state-file.js'

const RELEASED_SCHEMA = 1
const releasedSchema = z.lazy(() =>
  z.object({
    schema: z.literal(RELEASED_SCHEMA),
    bootId: z.string(),
    containerID: z.string(),
    ifName: z.string(),
  }),
)

const releasedDir = ({ stateDir }: Instance): string => join(stateDir, 'released')

function releasedPath(instance: Instance, key: AttachmentKey): string {
  return join(releasedDir(instance), `${keyHash(key)}.json`)
}

export function rememberReleased({ instance, bootId }: InterceptContext, key: AttachmentKey): void {
  const { containerID, ifName } = key
  const json = { schema: RELEASED_SCHEMA, bootId, containerID, ifName }
  writeBootFile(releasedPath(instance, key), `${JSON.stringify(json)}\n`)
}

export function forgetReleased(instance: Instance, key: AttachmentKey): void {
  const path = releasedPath(instance, key)
  if (existsSync(path)) removeBootFile(path)
}

export function isReleased(
  { instance, bootId, warn }: InterceptContext,
  key: AttachmentKey,
): boolean {
  const state = readState(releasedPath(instance, key), releasedSchema, warn)
  return state?.bootId === bootId && state.containerID === key.containerID
}

/** Containers of another boot are gone. */
export function sweepReleased({ instance, bootId, warn }: InterceptContext): void {
  for (const path of stateFiles(releasedDir(instance))) {
    const state = readState(path, releasedSchema, warn)
    if (state !== null && state.bootId !== bootId) removeBootFile(path)
  }
}
