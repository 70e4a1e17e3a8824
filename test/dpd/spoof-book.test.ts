import t from 'tap'
import type { EveEvent } from '../../src/core/events/eve.js'
import type { Endpoint } from '../../src/dpd/endpoints.js'
import { KernelSpoofs } from '../../src/dpd/kernel-spoofs.js'
import { SpoofBook } from '../../src/dpd/spoof-book.js'
import { RECORD } from './record.js'

function makeBook() {
  const told: EveEvent[] = []
  const clock = { ms: 0 }
  const book = new SpoofBook({ write: (event) => void told.push(event) }, () => clock.ms)
  const frames = () =>
    told.splice(0).map((event) => {
      const { pod, reason, frames, total } = event.vethwall as Record<string, unknown>
      return [pod, reason, frames, total]
    })
  return { book, clock, frames }
}
const WEB = { id: 7, namespace: 'default', pod: 'web', ifName: 'eth0', mode: 'protect' } as const

t.test('the first at once, then one in ten seconds with what came between', async (t) => {
  const { book, clock, frames } = makeBook()
  book.add(WEB, 'spoofed-ip', 1)
  t.same(frames(), [['web', 'spoofed-ip', 1, 1]])
  book.add(WEB, 'spoofed-ip', 5)
  book.add(WEB, 'spoofed-arp', 2)
  t.same(frames(), [['web', 'spoofed-arp', 2, 2]], 'each reason for itself')
  clock.ms = 9_999
  book.pass(new Set([7]))
  t.same(frames(), [])
  clock.ms = 10_000
  book.pass(new Set([7]))
  t.same(frames(), [['web', 'spoofed-ip', 5, 6]])
  book.pass(new Set([7]))
  t.same(frames(), [], 'nothing new, nothing told')
  t.equal(book.framesOf(7), 8)
  t.same(book.counts(), [
    { namespace: 'default', pod: 'web', reason: 'spoofed-ip', frames: 6 },
    { namespace: 'default', pod: 'web', reason: 'spoofed-arp', frames: 2 },
  ])
})

t.test('who is gone is told and forgotten, and its id may be another’s', async (t) => {
  const { book, frames } = makeBook()
  book.add(WEB, 'spoofed-nd', 1)
  book.add(WEB, 'spoofed-nd', 1)
  frames()
  book.add({ ...WEB, pod: 'next' }, 'spoofed-nd', 3)
  t.same(frames(), [
    ['web', 'spoofed-nd', 1, 2],
    ['next', 'spoofed-nd', 3, 3],
  ])
  book.pass(new Set())
  t.same(book.counts(), [])
})

t.test('what the kernel counted since the last look', async (t) => {
  const { book, frames, clock } = makeBook()
  const kernel = { forgedMarker: 2, foreignMac: 0 }
  let record = RECORD
  const looks = new KernelSpoofs({
    pipes: { refused: () => new Map([[RECORD.id, { ...kernel }]]) },
    endpoints: { all: () => [{ record, mode: 'protect' } as unknown as Endpoint] },
    book,
    warn: t.fail,
  })
  const look = () => {
    clock.ms += 10_000
    looks.look()
    return frames()
  }
  t.same(look(), [['web', 'forged-marker', 2, 2]])
  t.same(look(), [])
  Object.assign(kernel, { forgedMarker: 5, foreignMac: 1 })
  t.same(look(), [
    ['web', 'forged-marker', 3, 5],
    ['web', 'foreign-mac', 1, 1],
  ])
  Object.assign(kernel, { forgedMarker: 1, foreignMac: 1 })
  t.same(look(), [['web', 'forged-marker', 1, 6]], 'a count that began anew')
  record = { ...RECORD, createdAt: 'later', pod: 'next' }
  t.same(look(), [
    ['next', 'forged-marker', 1, 1],
    ['next', 'foreign-mac', 1, 1],
  ])
})

t.test('a kernel that does not tell is no end of the daemon', async (t) => {
  const warnings: string[] = []
  const looks = new KernelSpoofs({
    pipes: {
      refused: () => {
        throw new Error('ENOBUFS')
      },
    },
    endpoints: { all: () => [] },
    book: makeBook().book,
    warn: (message) => warnings.push(message),
  })
  looks.look()
  t.match(warnings, [/could not be read: Error: ENOBUFS/])
})
