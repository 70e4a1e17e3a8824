/**
 * Intervals sorted by their first value, read as the balanced tree whose root is the one in the
 * middle: those that hold a value are found without a look at the others, however they nest.
 */

/** Both ends belong to an interval; values are of as many words, most significant first, one after the other. */
export class Intervals {
  readonly first: number[] = []
  readonly last: number[] = []
  readonly items: number[] = []

  /** `words`: of each value. */
  constructor(readonly words: number) {}

  /** From the value at `from` in the table to the one at `to`. */
  add(table: ArrayLike<number>, from: number, to: number, item: number): void {
    for (let word = 0; word < this.words; word++) {
      this.first.push(table[from + word] ?? 0)
      this.last.push(table[to + word] ?? 0)
    }
    this.items.push(item)
  }
}

/** An interval's place fits beside a word in what a number holds exactly. */
const PLACES = 2 ** 21

export class IntervalTree {
  readonly #words: number
  readonly #first: Uint32Array
  readonly #last: Uint32Array
  /** Of the tree below each, the greatest last value. */
  readonly #greatest: Uint32Array
  readonly #items: Uint32Array

  constructor({ words, first, last, items }: Intervals) {
    this.#words = words
    this.#first = new Uint32Array(first.length)
    this.#last = new Uint32Array(last.length)
    this.#items = new Uint32Array(items.length)
    let at = 0
    for (const place of sorted(first, words, items.length)) {
      for (let word = 0; word < words; word++) {
        this.#first[at * words + word] = first[place * words + word] ?? 0
        this.#last[at * words + word] = last[place * words + word] ?? 0
      }
      this.#items[at++] = items[place] ?? 0
    }
    this.#greatest = this.#last.slice()
    this.#augment(0, items.length)
  }

  /** Of each interval that holds the value, its item goes into `found`. */
  stab(value: ArrayLike<number>, found: number[]): void {
    this.#stab(value, 0, this.#items.length, found)
  }

  #stab(value: ArrayLike<number>, from: number, to: number, found: number[]): void {
    const words = this.#words
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
    this.#raise(root, this.#augment(from, root))
    this.#raise(root, this.#augment(root + 1, to))
    return root
  }

  #raise(root: number, child: number): void {
    const words = this.#words
    const greatest = this.#greatest
    if (child < 0 || compare(greatest, child * words, greatest, root * words, words) <= 0) return
    for (let word = 0; word < words; word++)
      greatest[root * words + word] = greatest[child * words + word] ?? 0
  }
}

/** Their places, by first value. */
function sorted(
  first: readonly number[],
  words: number,
  count: number,
): ArrayLike<number> & Iterable<number> {
  if (words > 1 || count > PLACES) {
    return Uint32Array.from({ length: count }, (_, place) => place).sort((a, b) =>
      compare(first, a * words, first, b * words, words),
    )
  }
  // As numbers they are sorted without a call for each two of them.
  const keys = Float64Array.from(first, (word, place) => word * PLACES + place).sort()
  return Uint32Array.from(keys, (key) => key % PLACES)
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
