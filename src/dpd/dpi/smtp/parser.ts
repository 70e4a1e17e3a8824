/** SMTP and LMTP (RFC 5321, RFC 2033): one transaction per command; mails are passed over. */
import { fromLatin1 } from '../../../core/bytes.js'
import type { At, Dir, Parser, Refusal, Step, TxId } from '../../../core/inspect/contract.js'
import { anyOf } from '../begins.js'
import { stepClient } from './command.js'
import { LINE_OCTETS } from './line.js'
import { FIRST_CHARACTERS, PROBE_OCTETS, probeSmtp } from './probe.js'
import { stepServer } from './reply.js'
import { OPEN_TX, openSession, type SmtpState } from './session.js'

function step(state: SmtpState, dir: Dir, input: Uint8Array, at: At): Step {
  if (dir === 'orig') return stepClient(state, input, at)
  if (input.length === 0) return { take: 0, facts: [], next: { kind: 'need', octets: 1 } }
  return stepServer(state, input, at)
}

/** Where the client awaits this command's reply next, and has had none of it. */
function denied({ greeted, open, replyBegin }: SmtpState, tx: TxId): Refusal | null {
  const [next] = open
  if (next?.tx !== tx || next.begin !== null || next.goesOn || replyBegin !== null) return null
  // A greeting that denies has a code of its own (RFC 5321 §3.1).
  const code = greeted ? 550 : 554
  const toOpener = fromLatin1(`${code} 5.7.1 denied by network policy\r\n`)
  return { toOpener, then: 'close' }
}

export const smtp: Parser<SmtpState> = {
  app: 'smtp',
  transport: ['tcp'],
  limits: {
    // A line, with some of what is pipelined behind it.
    windowOctets: LINE_OCTETS + 4_096,
    stateOctets: 262_144,
    openTx: OPEN_TX,
    probeOctets: PROBE_OCTETS,
  },
  begins: { orig: FIRST_CHARACTERS, reply: anyOf('245') },
  probe: probeSmtp,
  open: openSession,
  step,
  // Mails hold lines like those of commands.
  gap: () => ({ take: 0, facts: [], next: { kind: 'done' } }),
  refusal: denied,
}
