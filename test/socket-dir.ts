/** Where a test's UNIX sockets lie. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** unix(7): sun_path holds 108 octets; `t.testdir()` has the checkout's path and the names of file and test. */
export function socketDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'vw-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}
