/** What is remembered of a flow that ended. */
import type { FlowView } from '../core/api/flow.js'
import type { ClosedEvent, FiveTuple, FlowId, Tunnel } from '../core/inspect/contract.js'
import { type EndedFacts, FactsWriter, readFacts } from './ended-facts.js'
import type { Flow, JudgedEndpoint } from './judge/flow.js'
import type { Ruling } from './judge/ruling.js'
import type { Board, OctetShelf } from './octet-shelf.js'

export interface Ending {
  readonly how: NonNullable<FlowView['how']>
  readonly counts: ClosedEvent['counts']
  readonly atMs: number
}

const writer = new FactsWriter()
const NO_FACTS: EndedFacts = { fields: {}, transactions: [] }

/**
 * A place for one, filled again and again: flows that live for milliseconds then die young, where
 * keeping the last ten thousand of them had each copied twice and collected late.
 */
export class EndedFlow {
  id: FlowId = 0
  podSide: Flow['podSide'] = 'opener'
  start: Flow['start'] = 'syn'
  app: string | null = null
  #protocol = 0
  #source = ''
  #sourcePort = 0
  #destination = ''
  #destinationPort = 0
  #vlan = 0
  #tunnel: Tunnel | undefined
  staged: Ruling | null = null
  transactionsTotal = 0
  /** Where its facts are; null = it has none. */
  #board: Board | null = null
  #from = 0
  #to = 0
  /** Of its transactions; null = all are the flow's. */
  #rulings: readonly Ruling[] | null = null
  startedAtMs = 0
  /** The name that the peer had. */
  peer: string | null = null
  #how: Ending['how'] = 'idle'
  #atMs = 0
  /** Packets, then octets, of both directions: in place, however large. */
  readonly #counts = new Float64Array(4)

  constructor(
    flow: Flow,
    public endpoint: JudgedEndpoint = flow.endpoint,
    public ruling: Ruling = flow.ruling,
  ) {}

  fill(flow: Flow, peer: string | null, { how, counts, atMs }: Ending, shelf: OctetShelf): void {
    this.id = flow.id
    this.podSide = flow.podSide
    this.start = flow.start
    this.app = flow.app
    this.#fillTuple(flow.tuple)
    this.#fillFacts(flow, shelf)
    this.staged = flow.staged
    this.transactionsTotal = flow.transactionsTotal
    this.startedAtMs = flow.startedAtMs
    this.endpoint = flow.endpoint
    this.ruling = flow.ruling
    this.peer = peer
    this.#how = how
    this.#atMs = atMs
    this.#counts[0] = counts.packets.orig
    this.#counts[1] = counts.packets.reply
    this.#counts[2] = counts.octets.orig
    this.#counts[3] = counts.octets.reply
  }

  #fillFacts({ fields, transactions, ruling }: Flow, shelf: OctetShelf): void {
    if (this.#board !== null) shelf.remove(this.#board)
    const octets = writer.write(fields, transactions)
    this.#board = shelf.put(writer.octets, octets)
    this.#to = this.#board.used
    this.#from = this.#to - octets
    const isOne = transactions.every((transaction) => transaction.ruling === ruling)
    this.#rulings = isOne ? null : transactions.map((transaction) => transaction.ruling)
  }

  get #facts(): EndedFacts {
    return this.#board === null
      ? NO_FACTS
      : readFacts(this.#board.octets.subarray(this.#from, this.#to))
  }

  get fields(): EndedFacts['fields'] {
    return this.#facts.fields
  }

  get transactions() {
    return this.#facts.transactions.map((transaction, at) => ({
      ...transaction,
      ruling: this.#rulings?.[at] ?? this.ruling,
    }))
  }

  #fillTuple(tuple: FiveTuple): void {
    this.#protocol = tuple.protocol
    this.#source = tuple.source
    this.#sourcePort = tuple.sourcePort
    this.#destination = tuple.destination
    this.#destinationPort = tuple.destinationPort
    this.#vlan = tuple.vlan
    this.#tunnel = tuple.tunnel
  }

  get tuple(): FiveTuple {
    return {
      protocol: this.#protocol,
      source: this.#source,
      sourcePort: this.#sourcePort,
      destination: this.#destination,
      destinationPort: this.#destinationPort,
      vlan: this.#vlan,
      ...(this.#tunnel === undefined ? {} : { tunnel: this.#tunnel }),
    }
  }

  get ending(): Ending {
    const [packetsOrig = 0, packetsReply = 0, octetsOrig = 0, octetsReply = 0] = this.#counts
    return {
      how: this.#how,
      atMs: this.#atMs,
      counts: {
        packets: { orig: packetsOrig, reply: packetsReply },
        octets: { orig: octetsOrig, reply: octetsReply },
      },
    }
  }
}
