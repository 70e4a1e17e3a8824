import { latin1 } from '../../../core/bytes.js'
import type { Dir, Probed } from '../../../core/inspect/contract.js'
import { anyOf } from '../begins.js'

/** A greeting of several lines. */
export const PROBE_OCTETS = 1_024
/** FTP servers greet with 220 too, but not so; and no FTP client says these. */
const GREETING = /^(?:220|421|521|554)(?:[ -]|\r?\n)/
const WHOLE_GREETING = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*|\r)?\n/
const CODES = ['220', '421', '521', '554']
const NAMES_ITSELF = /\b(?:E?SMTP|LMTP)\b/i
const HELLO = /^(?:EHLO|HELO|LHLO) [!-~]/i
/** What else a session may begin with, where the server has named the protocol. */
const COMMAND =
  /^(?:MAIL FROM:|(?:QUIT|NOOP|RSET|HELP|STARTTLS|EHLO|HELO|LHLO) *\r\n|(?:VRFY|EXPN|AUTH|HELP|NOOP) [!-~])/i
const COMMANDS = [
  ...['EHLO ', 'HELO ', 'LHLO ', 'MAIL FROM:', 'QUIT', 'NOOP', 'RSET', 'HELP', 'STARTTLS'],
  ...['VRFY ', 'EXPN ', 'AUTH '],
]
const LONGEST_COMMAND = 16
const INITIALS = COMMANDS.map(([initial]) => initial).join('')
export const FIRST_CHARACTERS = anyOf(INITIALS + INITIALS.toLowerCase())

/** The server speaks first; a client that does not wait for it says EHLO. */
export function probeSmtp(
  { orig, reply }: Readonly<Record<Dir, Uint8Array>>,
  ended: Readonly<Record<Dir, boolean>>,
): Probed {
  const greeting = latin1(reply, 0, PROBE_OCTETS)
  if (!mayGreet(greeting)) return 'no'
  const command = latin1(orig, 0, LONGEST_COMMAND)
  if (HELLO.test(command)) return 'yes'
  const isLast = greeting.length >= PROBE_OCTETS || ended.reply
  // What came along behind it names nothing: it might have come later.
  const whole = WHOLE_GREETING.exec(greeting)?.[0] ?? (isLast ? greeting : null)
  const isWhole = whole !== null
  const names = isWhole && NAMES_ITSELF.test(whole)
  // The client waits for the greeting, and the server for the client.
  if (command === '' && isWhole && !names) return whole === greeting && !isLast ? 'greeting' : 'no'
  if (command === '') return names ? 'yes' : 'more'
  if (COMMAND.test(command)) return names ? 'yes' : isWhole ? 'no' : 'more'
  return mayCommand(command.toUpperCase()) ? 'more' : 'no'
}

function mayGreet(greeting: string): boolean {
  if (greeting.length >= 4) return GREETING.test(greeting)
  return CODES.some((code) => code.startsWith(greeting.slice(0, 3)))
}

function mayCommand(start: string): boolean {
  return COMMANDS.some((known) => {
    if (known.startsWith(start)) return true
    const verb = known.trimEnd()
    return start.startsWith(verb) && /^ *\r?$/.test(start.slice(verb.length))
  })
}
