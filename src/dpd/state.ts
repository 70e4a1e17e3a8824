/** State files in JSON; each carries a schema version. */
import type * as z from 'zod'
import { readStateFile, writeStateFile } from '../intercept/state-file.js'

export function writeState<S extends { readonly schema: number }>(
  file: string,
  state: S,
  mode = 0o600,
): void {
  writeStateFile(file, `${JSON.stringify(state)}\n`, mode)
}

/** null = absent. A file that another version wrote, or that is damaged, is reported and left alone. */
export function readState<T>(
  file: string,
  schema: z.ZodType<T>,
  onFault: (message: string) => void,
): T | null {
  try {
    const text = readStateFile(file)
    return text === null ? null : schema.parse(JSON.parse(text))
  } catch (error) {
    onFault(`${file}: not a state file of this version, ignored: ${String(error)}`)
    return null
  }
}
