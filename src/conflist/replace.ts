/**
 * Puts a new text in a list's place, unless somebody has written the list since it was read.
 *
 * A check before rename(2) would leave a moment in which the primary plugin's newest list is lost.
 * RENAME_EXCHANGE loses nothing that was written by then: what comes out is looked at, and if it isn't
 * what was read, it goes back. Only a writer in place may still find the old file in open(2), and write there
 * after our last look. A reader sees a whole list at any time, and a list that was deleted is not made again.
 */
import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { readConflist, removeEntry } from '../core/cni/conflist.js'
import { type Os, OsError } from '../intercept/os.js'
import { readStateFile, setAside } from '../intercept/state-file.js'

/** Not .conf, .conflist or .json: no runtime reads it. */
const NEW_SUFFIX = '.vethwall-new'
/** A writer that is faster than we are, each time. */
const EXCHANGES_MAX = 100

type Renames = Pick<Os, 'renameExchange'>

function sync(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** With the mode and the owner that the list has. */
function writeBeside(path: string, text: string): void {
  const { mode, uid, gid } = statSync(path)
  rmSync(path + NEW_SUFFIX, { force: true })
  const fd = openSync(path + NEW_SUFFIX, 'wx', 0o600)
  try {
    writeFileSync(fd, text)
    fchmodSync(fd, mode & 0o777)
    if (uid !== process.geteuid?.() || gid !== process.getegid?.()) fchownSync(fd, uid, gid)
    fsyncSync(fd)
  } catch (error) {
    rmSync(path + NEW_SUFFIX, { force: true })
    throw error
  } finally {
    closeSync(fd)
  }
}

/** False = the list is not what was read, and is as its last writer left it. `path` is no link. */
function exchange(os: Renames, path: string, read: string, text: string): boolean {
  const beside = path + NEW_SUFFIX
  os.renameExchange(beside, path)
  let out = readFileSync(beside, 'utf8')
  if (out === read) {
    sync(dirname(path))
    // A writer whose open(2) was under way writes into what came out: the disk gave it time.
    out = readFileSync(beside, 'utf8')
    if (out === read) return true
  }
  // Newer than what was read. What comes out for it is ours, or newer still.
  let placed = text
  for (let i = 0; i < EXCHANGES_MAX; i++) {
    os.renameExchange(beside, path)
    const next = readFileSync(beside, 'utf8')
    if (next === placed) return false
    placed = out
    out = next
  }
  return false
}

/** Where the file system has no exchange: the moment between look and rename is as short as it gets. */
function renameOver(path: string, read: string): boolean {
  if (readStateFile(path) !== read) return false
  renameSync(path + NEW_SUFFIX, path)
  return true
}

function replace(os: Renames, path: string, read: string, text: string): boolean {
  try {
    return exchange(os, path, read, text)
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    if (error.code === 'ENOENT') return false
    if (error.code === 'EINVAL') return renameOver(path, read)
    throw error
  }
}

/** False = it has changed, or is gone: read it again. An error half-way leaves what came out to `settleLeftovers`. */
export function replaceList(os: Renames, list: string, read: string, text: string): boolean {
  let path: string
  try {
    path = realpathSync(list)
    writeBeside(path, text)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
  const isReplaced = replace(os, path, read, text)
  rmSync(path + NEW_SUFFIX, { force: true })
  sync(dirname(path))
  return isReplaced
}

/**
 * What a process that was killed between exchange and look left beside a list. Mostly it is the list
 * without our entry; else it is the primary's, unseen by anybody: kept out of the way, and named.
 */
export function settleLeftovers(dir: string): string[] {
  const names = existsSync(dir) ? readdirSync(dir) : []
  return names.flatMap((name) => {
    if (!name.endsWith(NEW_SUFFIX)) return []
    const beside = join(dir, name)
    const list = beside.slice(0, -NEW_SUFFIX.length)
    const left = readStateFile(beside) ?? ''
    // Half a list is what we were writing: it comes out of an exchange only as long as its writer lives.
    const isHalf = typeof readConflist(left) === 'string'
    if (isHalf || bare(left) === bare(readStateFile(list) ?? '')) {
      rmSync(beside, { force: true })
      return []
    }
    setAside(beside)
    return [`${beside}.bad`]
  })
}

function bare(text: string): string {
  const edit = removeEntry(text)
  return edit.kind === 'changed' ? edit.text : text
}
