/** Octets of many that come and go in turn, on few boards: no object of the heap for each. */

const BOARD_OCTETS = 65_536
/** Beyond them memory goes back: what comes later may be less. */
const SPARE_MAX = 8

export class Board {
  used = 0
  /** Of them; a board that has none is used again from its begin. */
  records = 0

  constructor(readonly octets: Uint8Array) {}
}

export class OctetShelf {
  #board = new Board(new Uint8Array(BOARD_OCTETS))
  readonly #spare: Board[] = []

  /** A copy of the first `length` octets, at the end of what is used of the board returned. */
  put(octets: Uint8Array, length: number): Board {
    if (this.#board.used + length > this.#board.octets.length) this.#board = this.#next(length)
    const board = this.#board
    for (let i = 0; i < length; i++) board.octets[board.used + i] = octets[i] as number
    board.used += length
    board.records++
    return board
  }

  /** A record of this board is not read any more. */
  remove(board: Board): void {
    board.records--
    if (board.records > 0) return
    board.used = 0
    const isSpare = board !== this.#board && board.octets.length === BOARD_OCTETS
    if (isSpare && this.#spare.length < SPARE_MAX) this.#spare.push(board)
  }

  #next(length: number): Board {
    if (length > BOARD_OCTETS) return new Board(new Uint8Array(length))
    return this.#spare.pop() ?? new Board(new Uint8Array(BOARD_OCTETS))
  }
}
