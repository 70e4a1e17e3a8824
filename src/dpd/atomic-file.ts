/** State files: written to a temporary name, synced, renamed; each carries a schema version. */
import * as fs from 'node:fs'
import * as path from 'node:path'
import type * as z from 'zod'

export function writeAtomically(file: string, text: string, mode = 0o644): void {
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 })
  const temporary = `${file}.${process.pid}.tmp`
  const fd = fs.openSync(temporary, 'w', mode)
  try {
    fs.writeFileSync(fd, text)
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
  fs.renameSync(temporary, file)
}

/** null = absent. A file that another version wrote, or that is damaged, is reported and left alone. */
export function readState<T>(
  file: string,
  schema: z.ZodType<T>,
  onFault: (message: string) => void,
): T | null {
  let text: string
  try {
    text = fs.readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') onFault(`${file}: ${String(error)}`)
    return null
  }
  try {
    return schema.parse(JSON.parse(text))
  } catch (error) {
    onFault(`${file}: not a state file of this version, ignored: ${String(error)}`)
    return null
  }
}
