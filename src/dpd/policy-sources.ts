/**
 * Policies and endpoints.d as one atomic set: all valid, or the set before stays. The last valid one
 * is kept on disk, so that a restart with a broken file protects as before.
 */
import * as z from 'zod'
import type { FileFault } from '../core/api/status.js'
import {
  EMPTY_DIRECTORY,
  type EndpointsDirectory,
  loadEndpointsDirectory,
} from '../core/policy/endpoints-directory.js'
import { loadPolicySet } from '../core/policy/load.js'
import { EMPTY_POLICY_SET, type PolicySet } from '../core/policy/model.js'
import type { DocumentError, TextFile } from '../core/yaml-document.js'
import { type DirectoryReading, readYamlDirectory } from './policy-files.js'
import { readState, writeState } from './state.js'

export interface Sources {
  readonly set: PolicySet
  readonly directory: EndpointsDirectory
}
export type SourcesLoad =
  | { readonly ok: true; readonly sources: Sources }
  | { readonly ok: false; readonly faults: readonly FileFault[] }

export interface Directories {
  readonly policies: string
  readonly endpoints: string
}

const textFileSchema = z.object({ path: z.string(), text: z.string() })
const lastGoodSchema = z.object({
  schema: z.literal(1),
  policies: z.array(textFileSchema),
  endpoints: z.array(textFileSchema),
})
interface Texts {
  readonly policies: readonly TextFile[]
  readonly endpoints: readonly TextFile[]
}

export const EMPTY_SOURCES: Sources = { set: EMPTY_POLICY_SET, directory: EMPTY_DIRECTORY }

function faultOf({ path, line, column, message }: DocumentError): FileFault {
  return { file: path, line, column, message }
}

export function loadSources({ policies, endpoints }: Texts): SourcesLoad {
  const policy = loadPolicySet(policies)
  const directory = loadEndpointsDirectory(endpoints)
  if (policy.ok && directory.ok) {
    return { ok: true, sources: { set: policy.set, directory: directory.directory } }
  }
  const errors = [...(policy.ok ? [] : policy.errors), ...(directory.ok ? [] : directory.errors)]
  return { ok: false, faults: errors.map(faultOf) }
}

function unreadableFaults(readings: readonly DirectoryReading[]): FileFault[] {
  return readings
    .flatMap(({ unreadable }) => unreadable)
    .map(({ path, message }) => ({ file: path, line: 1, column: 1, message }))
}

export class PolicySources {
  constructor(
    private readonly directories: Directories,
    /** null = nothing is kept. */
    private readonly lastGoodFile: string | null,
    private readonly onFault: (message: string) => void,
  ) {}

  read(): SourcesLoad {
    const policies = readYamlDirectory(this.directories.policies)
    const endpoints = readYamlDirectory(this.directories.endpoints)
    const faults = unreadableFaults([policies, endpoints])
    if (faults.length > 0) return { ok: false, faults }
    const texts = { policies: policies.files, endpoints: endpoints.files }
    const load = loadSources(texts)
    if (load.ok) this.#keep(texts)
    return load
  }

  readLastGood(): Sources | null {
    if (this.lastGoodFile === null) return null
    const kept = readState(this.lastGoodFile, lastGoodSchema, this.onFault)
    if (kept === null) return null
    const load = loadSources(kept)
    return load.ok ? load.sources : null
  }

  #keep(texts: Texts): void {
    if (this.lastGoodFile === null) return
    try {
      writeState(this.lastGoodFile, { schema: 1, ...texts })
    } catch (error) {
      this.onFault(
        `${this.lastGoodFile}: ${String(error)}; a restart will not find this policy set`,
      )
    }
  }
}
