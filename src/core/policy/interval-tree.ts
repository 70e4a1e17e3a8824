/**
 * Intervals sorted by their first value, read as the balanced tree whose root is the one in the
 * middle: those that hold a value are found without a look at the others, however they nest.
 */
export interface Interval {
  /** Both ends belong to it; as many words as every value of the tree, most significant first. */
  readonly first: ArrayLike<number>
  readonly last: ArrayLike<number>
  readonly item: number
}

export class IntervalTree {
  readonly #first: Uint32Array
  readonly #last: Uint32Array
  /** Of the tree below each, the greatest last value. */
  readonly #greatest: Uint32Array
  readonly #items: Uint32Array

  /** `words`: of each value. */
  constructor(
    intervals: readonly Interval[],
    private readonly words: number,
  ) {
    const sorted = [...intervals].sort((a, b) => compare(a.first, 0, b.first, 0, words))
    this.#first = new Uint32Array(sorted.length * words)
    this.#last = new Uint32Array(sorted.length * words)
    this.#items = new Uint32Array(sorted.length)
    for (const [at, { first, last, item }] of sorted.entries()) {
      this.#first.set(first, at * words)
      this.#last.set(last, at * words)
      this.#items[at] = item
    }
    this.#greatest = this.#last.slice()
    this.#augment(0, sorted.length)
  }

  /** Of each interval that holds the value, its item goes into `found`. */
  stab(value: ArrayLike<number>, found: number[]): void {
    this.#stab(value, 0, this.#items.length, found)
  }

  #stab(value: ArrayLike<number>, from: number, to: number, found: number[]): void {
    const { words } = this
    for (let low = from; low < to; ) {
      const middle = (low + to) >>> 1
      if (compare(value, 0, this.#greatest, middle * words, words) > 0) return
      this.#stab(value, low, middle, found)
      if (compare(value, 0, this.#first, middle * words, words) < 0) return
      if (compare(value, 0, this.#last, middle * words, words) <= 0)
        found.push(this.#items[middle] ?? 0)
      low = middle + 1
    }
  }

  /** The root of what is from `from` up to `to`, or -1. */
  #augment(from: number, to: number): number {
    if (from >= to) return -1
    const root = (from + to) >>> 1
    for (const child of [this.#augment(from, root), this.#augment(root + 1, to)]) {
      if (child >= 0) this.#raise(root, child)
    }
    return root
  }

  #raise(root: number, child: number): void {
    const { words } = this
    const greatest = this.#greatest
    if (compare(greatest, child * words, greatest, root * words, words) <= 0) return
    greatest.copyWithin(root * words, child * words, (child + 1) * words)
  }
}

function compare(
  a: ArrayLike<number>,
  aAt: number,
  b: ArrayLike<number>,
  bAt: number,
  words: number,
): number {
  for (let i = 0; i < words; i++) {
    const difference = (a[aAt + i] ?? 0) - (b[bAt + i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
