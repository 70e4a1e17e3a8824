/** Policy and endpoints.d files named on the command line. */
import * as path from 'node:path'
import {
  type EndpointsDirectory,
  loadEndpointsDirectory,
} from '../core/policy/endpoints-directory.js'
import { loadPolicySet } from '../core/policy/load.js'
import type { PolicySet } from '../core/policy/model.js'
import type { DocumentError, TextFile } from '../core/yaml-document.js'
import type { Context } from './command.js'
import { UsageError } from './exit-code.js'

export interface LoadedTexts {
  readonly errors: readonly DocumentError[]
  /** null where it has errors. */
  readonly set: PolicySet | null
  readonly directory: EndpointsDirectory | null
}

/** endpoints.d has a schema of its own; its files are known by their directory. */
function isEndpointsFile(file: string): boolean {
  return path.basename(path.dirname(path.resolve(file))) === 'endpoints.d'
}

function readTexts(context: Context, files: readonly string[]): TextFile[] {
  return files.map((file) => {
    try {
      return { path: file, text: Buffer.from(context.readFile(file)).toString('utf8') }
    } catch (error) {
      throw new UsageError(`${file}: cannot be read: ${(error as Error).message}`)
    }
  })
}

export function loadTexts(
  context: Context,
  files: readonly string[],
  endpointsFiles: readonly string[] = files.filter(isEndpointsFile),
): LoadedTexts {
  const policies = files.filter((file) => !endpointsFiles.includes(file))
  const set = loadPolicySet(readTexts(context, policies))
  const directory = loadEndpointsDirectory(readTexts(context, endpointsFiles))
  return {
    errors: [...(set.ok ? [] : set.errors), ...(directory.ok ? [] : directory.errors)],
    set: set.ok ? set.set : null,
    directory: directory.ok ? directory.directory : null,
  }
}
