import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isJudgeDead, readStamps } from '../../../src/intercept/tc/heartbeat-file.js'

const NOW = 10_000_000_000n
const MS = 1_000_000n

const CASES = [
  { name: 'no stamp at all', stamps: [], want: true },
  { name: 'no shard has stamped', stamps: [0n, 0n], want: true },
  { name: 'fresh', stamps: [NOW - 100n * MS], want: false },
  { name: 'at the limit', stamps: [NOW - 500n * MS], want: false },
  { name: 'past the limit', stamps: [NOW - 500n * MS - 1n], want: true },
  { name: 'stamped after the clock was read', stamps: [NOW + 1n], want: false },
  { name: 'absent shards do not count', stamps: [NOW, 0n, 0n], want: false },
  { name: 'one of two shards stands still', stamps: [NOW, NOW - 600n * MS], want: true },
]
for (const { name, stamps, want } of CASES) t.equal(isJudgeDead(stamps, NOW), want, name)

t.test('the file', (t) => {
  const path = join(t.testdir(), 'heartbeat')
  t.same(readStamps(path), [], 'absent')
  writeFileSync(path, new Uint8Array(BigUint64Array.of(NOW, 0n).buffer))
  t.same(readStamps(path), [NOW, 0n])
  writeFileSync(path, new Uint8Array(11))
  t.same(readStamps(path), [0n], 'cut short: whole slots only')
  t.end()
})
