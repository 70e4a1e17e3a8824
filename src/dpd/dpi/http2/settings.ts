/** SETTINGS (RFC 9113 §6.5): what a side announces binds the other one. */
import { Reader } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'
import { type Connection, FRAME_OCTETS } from './connection.js'

const HEADER_TABLE_SIZE = 1
const ENABLE_PUSH = 2
const INITIAL_WINDOW_SIZE = 4
const MAX_FRAME_SIZE = 5
/** RFC 8441 §3. */
const ENABLE_CONNECT_PROTOCOL = 8

const SETTING_OCTETS = 6
const WINDOW_MAX = 2 ** 31 - 1
const FRAME_OCTETS_MAX = 2 ** 24 - 1
/** More at a time only make the other side remember them. */
const UNACKNOWLEDGED = 32

const otherDir = (dir: Dir): Dir => (dir === 'orig' ? 'reply' : 'orig')

/** null, or the clause violated. */
export function readSettings(
  connection: Connection,
  dir: Dir,
  reader: Reader,
  octets: number,
): string | null {
  if (octets % SETTING_OCTETS !== 0) return 'RFC 9113 §6.5 frame size'
  const pending = connection.unacknowledged[otherDir(dir)]
  if (pending.length >= UNACKNOWLEDGED) return 'RFC 9113 §6.5.3 SETTINGS without acknowledgement'
  let tableOctets = -1
  for (let left = octets; left > 0; left -= SETTING_OCTETS) {
    const setting = reader.u16be()
    const value = reader.u32be()
    if (setting === HEADER_TABLE_SIZE) tableOctets = value
    else if (!apply(connection, dir, setting, value)) return 'RFC 9113 §6.5.2 value'
  }
  pending.push(tableOctets)
  connection.settled[dir] = true
  return null
}

/** False where the setting can't have the value. */
function apply(connection: Connection, dir: Dir, setting: number, value: number): boolean {
  switch (setting) {
    case ENABLE_PUSH:
      if (dir === 'orig') connection.allowsPush = value === 1
      return dir === 'orig' ? value <= 1 : value === 0
    case INITIAL_WINDOW_SIZE:
      return value <= WINDOW_MAX
    case MAX_FRAME_SIZE: {
      // A larger one may be in use before its acknowledgement; a smaller one is no danger.
      const limit = connection.frameLimit
      limit[otherDir(dir)] = Math.max(limit[otherDir(dir)], value)
      return value >= FRAME_OCTETS && value <= FRAME_OCTETS_MAX
    }
    case ENABLE_CONNECT_PROTOCOL:
      if (dir === 'reply') connection.extendedConnect = value === 1
      return value <= 1
    default:
      return true
  }
}

/** `dir` acknowledges: from here on its encoder obeys (RFC 7541 §4.2). */
export function acknowledge(connection: Connection, dir: Dir, octets: number): string | null {
  if (octets !== 0) return 'RFC 9113 §6.5 frame size'
  const tableOctets = connection.unacknowledged[dir].shift()
  if (tableOctets === undefined) return 'RFC 9113 §6.5.3 acknowledgement of nothing'
  if (tableOctets >= 0) connection.decoders[dir].allow(tableOctets)
  return null
}

/** HTTP2-Settings of the request that asked for the upgrade: in force with the 101 (RFC 7540 §3.2.1). */
export function applyUpgrade(connection: Connection, settings: Uint8Array): string | null {
  const clause = readSettings(connection, 'orig', new Reader(settings), settings.length)
  const tableOctets = connection.unacknowledged.reply.pop() ?? -1
  if (tableOctets >= 0) connection.decoders.reply.allow(tableOctets)
  // The client's preface and its own SETTINGS are still to come.
  connection.settled.orig = false
  return clause
}
