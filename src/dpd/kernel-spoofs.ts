/** Brings what the kernel refused of each pod into the spoof book, at intervals. */
import type { RefusedFrames } from '../core/bpf/maps.js'
import type { SpoofReason } from '../core/events/eve.js'
import type { Endpoint } from './endpoints.js'
import type { Pipes } from './pipes.js'
import type { SpoofBook } from './spoof-book.js'

const REASONS: Readonly<Record<keyof RefusedFrames, SpoofReason>> = {
  forgedMarker: 'forged-marker',
  foreignMac: 'foreign-mac',
}

export interface KernelSpoofsParts {
  readonly pipes: Pick<Pipes, 'refused'>
  readonly endpoints: { all(): readonly Endpoint[] }
  readonly book: Pick<SpoofBook, 'add' | 'pass'>
  readonly warn: (message: string) => void
}

interface Seen {
  readonly createdAt: string
  readonly frames: RefusedFrames
}

export class KernelSpoofs {
  readonly #seen = new Map<number, Seen>()

  constructor(private readonly parts: KernelSpoofsParts) {}

  look(): void {
    const { endpoints, book, warn } = this.parts
    const all = endpoints.all()
    try {
      this.#read(all)
    } catch (error) {
      warn(`spoofed frames that the kernel dropped could not be read: ${String(error)}`)
    }
    const live = new Set(all.map(({ record }) => record.id))
    for (const id of this.#seen.keys()) if (!live.has(id)) this.#seen.delete(id)
    book.pass(live)
  }

  #read(all: readonly Endpoint[]): void {
    const refused = this.parts.pipes.refused(all.map(({ record }) => record))
    for (const { record, mode } of all) {
      const frames = refused.get(record.id)
      if (frames === undefined) continue
      const { id, namespace, pod, ifName, createdAt } = record
      const seen = this.#seen.get(id)
      const before = seen?.createdAt === createdAt ? seen.frames : null
      this.#seen.set(id, { createdAt, frames })
      for (const what of ['forgedMarker', 'foreignMac'] as const) {
        const known = before?.[what] ?? 0
        const grown = frames[what] < known ? frames[what] : frames[what] - known
        if (grown === 0) continue
        this.parts.book.add({ id, namespace, pod, ifName, mode }, REASONS[what], grown)
      }
    }
  }
}
