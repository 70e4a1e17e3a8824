/** From the greeting to the session: what plugins say to each other is passed over. */
import { Reader } from '../../../core/bytes.js'
import type { At, Fact, Next } from '../../../core/inspect/contract.js'
import type { FieldsDraft } from '../../../core/inspect/fields-draft.js'
import { mayShift } from './charset.js'
import { Capability, MARIADB_CACHE_METADATA, Status } from './code.js'
import { ERR, isErrorAtOnce, readGreeting, readLogin } from './handshake.js'
import { lengthEncoded, unsigned } from './packet.js'
import { can, type MysqlState } from './session.js'

/** Tickets and certificates of plugins are the longest. */
export const AUTHENTICATION_OCTETS = 12_288
/** caching_sha2_password: the proof was right, nothing more is asked for. */
const FAST_SUCCESS = [1, 3]

export interface Said {
  readonly facts: readonly Fact[]
  readonly next?: Next
}
const SILENT: Said = { facts: [] }
const malformed = (clause: string): Said => ({
  facts: [],
  next: { kind: 'malformed', clause: `MySQL protocol, ${clause}` },
})

export function takeGreeting(state: MysqlState, payload: Uint8Array): Said {
  const greeting = readGreeting(payload)
  if (greeting === null) {
    if (!isErrorAtOnce(payload)) return malformed('Protocol::HandshakeV10')
    return refused(state, payload)
  }
  const { version, capabilities, status } = greeting
  state.isMariadb = /mariadb/i.test(version) || !(capabilities & Capability.longPassword)
  state.serverCapabilities = capabilities
  state.noBackslashEscapes = (status & Status.noBackslashEscapes) !== 0
  state.phase = 'login'
  return { facts: [{ kind: 'flow', fields: { serverVersion: version } }] }
}

/** `end` of the packet, in the opener's octets. */
export function takeLogin(state: MysqlState, payload: Uint8Array, end: At): Said {
  const login = readLogin(payload, state.isMariadb)
  if (login === null) return malformed('Protocol::HandshakeResponse')
  if (login === 'ssl') {
    if (!(state.serverCapabilities & Capability.ssl)) return malformed('CLIENT_SSL not offered')
    return { facts: [], next: { kind: 'switch', app: 'tls', from: { orig: end, reply: 0 } } }
  }
  state.capabilities = login.capabilities & state.serverCapabilities
  state.cachesMetadata = (login.extended & MARIADB_CACHE_METADATA) !== 0
  state.shifts = mayShift(login.charset)
  state.user = login.user
  state.database = login.database
  state.phase = 'authentication'
  return SILENT
}

/** The server's next packet, until OK or ERR. */
export function takeVerdict(state: MysqlState, payload: Uint8Array): Said {
  const [type] = payload
  if (type === ERR) return refused(state, payload)
  if (type !== 0) {
    const isSuccess = payload.length === 2 && FAST_SUCCESS.every((octet, i) => payload[i] === octet)
    if (!isSuccess) state.asked++
    return SILENT
  }
  const reader = new Reader(payload, 1)
  lengthEncoded(reader)
  lengthEncoded(reader)
  state.noBackslashEscapes = (unsigned(reader, 2) & Status.noBackslashEscapes) !== 0
  state.phase = 'command'
  state.asked = 0
  const { user, database } = state
  const compressed = can(state, Capability.compress) || can(state, Capability.zstd)
  const fields: FieldsDraft = { user }
  if (database !== '') fields.database = database
  if (compressed) fields.compressed = compressed
  // Packets are deflated from here on.
  const next: { readonly next?: Next } = compressed ? { next: { kind: 'done' } } : {}
  return { facts: [{ kind: 'flow', fields }], ...next }
}

function refused(state: MysqlState, payload: Uint8Array): Said {
  state.phase = 'refused'
  const loginError = unsigned(new Reader(payload, 1), 2)
  return { facts: [{ kind: 'flow', fields: { loginError } }] }
}
