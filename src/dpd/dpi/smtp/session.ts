/** What is known of one connection. */
import type { At, TxId } from '../../../core/inspect/contract.js'
import { ContentEnd } from './content.js'

/** Commands without a reply, beyond which the opener's octets rest: pipelines are shorter (RFC 2920). */
export const OPEN_TX = 256
/** Of one mail, beyond which they are told as ambiguous; servers take 100 at least (RFC 5321 §4.5.3.1.8). */
export const RECIPIENTS = 256

export interface Recipient {
  readonly address: string
  /** null until the reply to its RCPT. */
  accepted: boolean | null
}

/** Since the last MAIL or RSET. */
export interface Envelope {
  readonly from: string | null
  readonly recipients: Recipient[]
  /** Fields that servers could read in two ways. */
  readonly ambiguous: Set<'from' | 'recipients'>
}

export const emptyEnvelope = (): Envelope => ({
  from: null,
  recipients: [],
  ambiguous: new Set(),
})

export interface Pending {
  readonly tx: TxId
  readonly command: string
  /** The last part of a mail: in LMTP each recipient has its reply (RFC 2033 §4.2). */
  readonly endsMail: boolean
  readonly envelope: Envelope
  /** Of RCPT. */
  readonly recipient: Recipient | null
  /** First octet of the reply; null = none of it was sent. */
  begin: At | null
  /** An intermediate reply was sent: 334, 354. */
  goesOn: boolean
  /** Replies that are still to come; 0 = not known yet. */
  replies: number
  /** The worst so far. */
  code: number
}

export interface SmtpState {
  /** awaiting: this command's reply says what the next octets are. */
  phase: 'command' | 'awaiting' | 'content' | 'response'
  greeted: boolean
  isLmtp: boolean
  readonly open: Pending[]
  nextTx: TxId
  envelope: Envelope
  readonly content: ContentEnd
  /** One past STARTTLS, in the opener's octets. */
  startTlsEnd: At
  /** First octet of the reply whose lines are not all there. */
  replyBegin: At | null
}

export const openSession = (): SmtpState => ({
  phase: 'command',
  greeted: false,
  isLmtp: false,
  open: [],
  nextTx: 0,
  envelope: emptyEnvelope(),
  content: new ContentEnd(),
  startTlsEnd: 0,
  replyBegin: null,
})
