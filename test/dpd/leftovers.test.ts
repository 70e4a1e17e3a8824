import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { giveBackMemory, Leftovers } from '../../src/dpd/leftovers.js'

t.test('once, when changes have come to rest', async (t) => {
  let given = 0
  const done = new EventTarget()
  const leftovers = new Leftovers(() => {
    given++
    done.dispatchEvent(new Event('given'))
  }, 20)
  for (let i = 0; i < 3; i++) leftovers.changed()
  // The daemon's timers keep it going, not this one.
  const keep = setInterval(() => undefined, 1000)
  await once(done, 'given')
  t.equal(given, 1)
  leftovers.changed()
  await once(done, 'given')
  t.equal(given, 2)
  clearInterval(keep)
})

const residentMb = (): number => {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]
  return Number(kib) / 1024
}

t.test('what nobody holds any more leaves the process', async (t) => {
  // Below malloc's limit for mappings of their own; what stays here and there keeps the arena's end.
  let held = Array.from({ length: 10_000 }, () => Buffer.alloc(16 << 10, 1))
  const before = residentMb()
  held = held.filter((_, i) => i % 100 === 99)
  giveBackMemory()
  await new Promise((resolve) => setImmediate(resolve))
  const after = residentMb()
  t.equal(held.length, 100)
  t.ok(after < before - 120, `${before} MB, then ${after}`)
})
