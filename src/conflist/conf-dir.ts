/** The CNI configuration directory as it is now. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CONF_NAME, type ConfFile } from '../core/cni/conf-choice.js'

const FILE_MAX_OCTETS = 8 * 1024 * 1024

/** What is no UTF-8 would come back as something else. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** null = it can't be read; undefined = it is gone. */
export function readConfText(path: string): string | null | undefined {
  try {
    return statSync(path).size > FILE_MAX_OCTETS ? null : utf8.decode(readFileSync(path))
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : null
  }
}

/** An absent directory is an empty one: the primary plugin makes it. */
export function readConfDir(dir: string): ConfFile[] {
  let names: string[]
  try {
    names = readdirSync(dir, { withFileTypes: true })
      .filter((entry) => CONF_NAME.test(entry.name) && !entry.isDirectory())
      .map((entry) => entry.name)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw error
  }
  return names.flatMap((name) => {
    const text = readConfText(join(dir, name))
    return text === undefined ? [] : [{ name, text }]
  })
}
