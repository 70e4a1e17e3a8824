import type { ClosedEvent, SpoofedEvent } from '../../core/inspect/contract.js'
import type { Flow, JudgedEndpoint, Transaction } from './flow.js'
import type { Ruling } from './ruling.js'

/** What the judge tells the rest of the daemon; nothing of it flows back. */
export interface JudgeReport {
  opened(flow: Flow): void
  /** The flow's ruling or app changed. */
  judged(flow: Flow): void
  /** A denial, enforced or not; `transaction` null = the flow as a whole. */
  denied(flow: Flow, ruling: Ruling, transaction: Transaction | null): void
  /** A transaction is over, or its flow is. */
  transaction(flow: Flow, transaction: Transaction): void
  closed(flow: Flow, event: Pick<ClosedEvent, 'how' | 'counts'>): void
  /** A parser gave up on malformed octets (`isFault`: on itself). */
  malformed(flow: Flow, clause: string, isFault: boolean): void
  /** Frames from the pod that claim to be another's. */
  spoofed(endpoint: JudgedEndpoint, event: Pick<SpoofedEvent, 'what' | 'frames'>): void
  /** The engine's ring was full. */
  lost(events: number): void
}
