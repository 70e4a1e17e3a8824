import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ModeOverrides } from '../../src/dpd/mode-overrides.js'
import { RECORD } from './record.js'

t.test(
  'quarantine is a pod UID’s, with reason and time, and old files still say who',
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'vw-modes-'))
    t.teardown(() => rmSync(dir, { recursive: true }))
    const file = join(dir, 'modes.json')
    const open = () => new ModeOverrides(file, t.fail)
    const first = { ...RECORD, podUid: 'u-1' }
    const second = { ...RECORD, podUid: 'u-2' }
    writeFileSync(file, JSON.stringify({ schema: 1, modes: [], quarantined: ['u-1'] }))
    t.same(open().quarantine(first), { reason: null, since: null })
    t.equal(open().quarantine(second), null, 'made anew under the same name')
    const quarantine = { reason: 'beacons', since: '2026-01-01T00:00:00Z' }
    open().setQuarantine(first, quarantine)
    t.same(open().quarantine({ ...first, containerID: 'c2' }), quarantine)
    open().setQuarantine(first, null)
    t.equal(open().quarantine(first), null)
  },
)
