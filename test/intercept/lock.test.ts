/** Of processes that want one lock each gets it, in the order in which they came. */
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { os } from '../../src/intercept/addon.js'
import { type Exit, exec, until } from '../process.js'

const PROCESSES = 8
const intercept = (file: string): string =>
  new URL(`../../src/intercept/${file}`, import.meta.url).href
/** Writes its number while it holds the lock. */
const WAITER = `
import { appendFileSync } from 'node:fs'
import { os } from '${intercept('addon.js')}'
import { withLock } from '${intercept('lock.js')}'
const [lock, order, number] = process.argv.slice(1)
withLock(os, lock, () => appendFileSync(order, number))`

/** proc(5), /proc/locks: `1: -> FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF`, pids of who waits. */
function waiting(path: string): number {
  const inode = new RegExp(`-> FLOCK .*:${statSync(path).ino} `)
  return readFileSync('/proc/locks', 'latin1')
    .split('\n')
    .filter((line) => inode.test(line)).length
}

t.test('first come, first served', async (t) => {
  const dir = t.testdir({ order: '' })
  const [lock, order] = [join(dir, 'lock'), join(dir, 'order')]
  const held = openSync(lock, 'w')
  t.ok(os.flock(held, 0))
  const ends: Promise<Exit>[] = []
  for (let number = 0; number < PROCESSES; number++) {
    ends.push(exec('node', ['--input-type=module', '-e', WAITER, lock, order, `${number}`]))
    await until(`process ${number} waits`, () => waiting(lock) === number + 1)
  }
  closeSync(held)
  for (const { status, stderr } of await Promise.all(ends)) t.equal(status, 0, stderr)
  t.equal(readFileSync(order, 'latin1'), ends.map((_, number) => number).join(''))
})
