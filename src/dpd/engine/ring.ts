/** The JavaScript end of the rings in native/os/ring.h; layout and protocol are described there. */

const WRITTEN_WORD = 0
const READ_WORD = 16
const FLAG_WORD = 32
const CONTROL_OCTETS = 192
const KIND_OFFSET = 4
const KIND_PAD = 0

class Ring {
  readonly view: DataView
  readonly octets: Uint8Array
  protected readonly control: Uint32Array
  protected readonly capacity: number

  constructor(memory: ArrayBuffer) {
    this.control = new Uint32Array(memory, 0, CONTROL_OCTETS / 4)
    this.octets = new Uint8Array(memory, CONTROL_OCTETS)
    this.view = new DataView(memory, CONTROL_OCTETS)
    this.capacity = this.octets.length
  }

  protected load(word: number): number {
    return Atomics.load(this.control, word)
  }

  protected store(word: number, value: number): void {
    Atomics.store(this.control, word, value)
  }
}

/** Records that lie in one piece: [from, to) of `octets`. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Of the event ring. */
export class RingReader extends Ring {
  /** From now on the producer wakes us again. To be called before the ring is read. */
  listen(): void {
    this.store(FLAG_WORD, 0)
  }

  /** What can be read, up to the ring's end or about `limit` octets; null = nothing. */
  peek(limit: number): Span | null {
    const read = this.load(READ_WORD)
    const left = (this.load(WRITTEN_WORD) - read) >>> 0
    if (left === 0) return null
    const from = read & (this.capacity - 1)
    const end = from + Math.min(left, this.capacity - from)
    let to = from
    while (to < end && to - from < limit) to += Math.max(8, this.view.getUint32(to, true))
    return { from, to }
  }

  consume(span: Span): void {
    this.store(READ_WORD, (this.load(READ_WORD) + (span.to - span.from)) >>> 0)
  }
}

/** Of the command ring. */
export class RingWriter extends Ring {
  /** Where a record of `octets` (multiple of 8) goes; null = no room. Visible after commit(). */
  reserve(octets: number): number | null {
    const written = this.load(WRITTEN_WORD)
    const free = this.capacity - ((written - this.load(READ_WORD)) >>> 0)
    const at = written & (this.capacity - 1)
    const tail = this.capacity - at
    const pad = octets <= tail ? 0 : tail
    if (octets > this.capacity || octets + pad > free) return null
    if (pad === 0) return at
    this.view.setUint32(at, pad, true)
    this.octets[at + KIND_OFFSET] = KIND_PAD
    this.store(WRITTEN_WORD, (written + pad) >>> 0)
    return 0
  }

  commit(octets: number): void {
    this.store(WRITTEN_WORD, (this.load(WRITTEN_WORD) + octets) >>> 0)
  }

  /** The engine's thread sleeps, or is about to: it must be woken for what was committed. */
  get isReaderAsleep(): boolean {
    return this.load(FLAG_WORD) === 1
  }

  /** Larger records never fit. */
  get largestRecordOctets(): number {
    return this.capacity
  }
}
