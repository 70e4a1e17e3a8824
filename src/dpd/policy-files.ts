/** Reads and watches the two directories of YAML files; it knows nothing of what is in them. */
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { TextFile } from '../core/yaml-document.js'

const POLL_MS = 2000
/** Editors write, rename and touch in bursts. */
const DEBOUNCE_MS = 50
const FILE_MAX_OCTETS = 8 * 1024 * 1024

export interface UnreadableFile {
  readonly path: string
  readonly message: string
}
export interface DirectoryReading {
  readonly files: readonly TextFile[]
  readonly unreadable: readonly UnreadableFile[]
}

const YAML_NAME = /^[^.].*\.ya?ml$/

function filesIn(directory: string, name: RegExp): string[] {
  return fs
    .readdirSync(directory, { withFileTypes: true })
    .filter((entry) => name.test(entry.name) && !entry.isDirectory())
    .map((entry) => path.join(directory, entry.name))
    .sort()
}

/** A directory that is absent is empty: nothing has been said yet. */
export function readYamlDirectory(directory: string): DirectoryReading {
  const files: TextFile[] = []
  const unreadable: UnreadableFile[] = []
  let names: string[] = []
  try {
    names = filesIn(directory, YAML_NAME)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      unreadable.push({ path: directory, message: (error as Error).message })
    }
  }
  for (const name of names) {
    try {
      if (fs.statSync(name).size > FILE_MAX_OCTETS) throw new Error('larger than 8 MiB')
      files.push({ path: name, text: fs.readFileSync(name, 'utf8') })
    } catch (error) {
      unreadable.push({ path: name, message: (error as Error).message })
    }
  }
  return { files, unreadable }
}

/** Of all files that `readYamlDirectory` would read. */
export function yamlOctetsOf(directories: readonly string[]): number {
  let octets = 0
  for (const directory of directories) {
    try {
      for (const name of filesIn(directory, YAML_NAME)) octets += fs.statSync(name).size
    } catch {
      // Who reads it tells what is wrong with it.
    }
  }
  return octets
}

/** What changes when any file does: names, inodes, sizes, times. */
function fingerprint(directories: readonly string[], pattern: RegExp): string {
  return directories
    .flatMap((directory) => {
      try {
        return filesIn(directory, pattern).map((name) => {
          const { ino, size, mtimeMs, ctimeMs } = fs.statSync(name)
          return `${name} ${ino} ${size} ${mtimeMs} ${ctimeMs}`
        })
      } catch (error) {
        return [`${directory} ${(error as NodeJS.ErrnoException).code ?? ''}`]
      }
    })
    .join('\n')
}

/** inotify says it at once; the poll catches what it can't (a directory made later, a network mount). */
export function watchDirectories(
  directories: readonly string[],
  onChange: () => void,
  pattern = YAML_NAME,
): () => void {
  let known = fingerprint(directories, pattern)
  let watchers: fs.FSWatcher[] = []
  let debounce: NodeJS.Timeout | null = null
  const look = (): void => {
    debounce = null
    const now = fingerprint(directories, pattern)
    if (now === known) return
    known = now
    watch()
    onChange()
  }
  const soon = (): void => {
    debounce ??= setTimeout(look, DEBOUNCE_MS)
  }
  const watch = (): void => {
    for (const watcher of watchers) watcher.close()
    watchers = directories.flatMap((directory) => {
      try {
        const watcher = fs.watch(directory, soon)
        watcher.on('error', () => watcher.close())
        return [watcher]
      } catch {
        return []
      }
    })
  }
  watch()
  const poll = setInterval(look, POLL_MS)
  return () => {
    clearInterval(poll)
    if (debounce !== null) clearTimeout(debounce)
    for (const watcher of watchers) watcher.close()
  }
}
