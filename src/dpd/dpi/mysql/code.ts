/** Numbers of the MySQL client/server protocol, and what MariaDB has added. */

/** Capabilities that change what the octets mean. */
export const Capability = {
  longPassword: 1 << 0,
  connectWithDatabase: 1 << 3,
  compress: 1 << 5,
  protocol41: 1 << 9,
  ssl: 1 << 11,
  secureConnection: 1 << 15,
  multiStatements: 1 << 16,
  pluginAuth: 1 << 19,
  lengthEncodedAuth: 1 << 21,
  deprecateEof: 1 << 24,
  optionalMetadata: 1 << 25,
  zstd: 1 << 26,
  queryAttributes: 1 << 27,
} as const

/** MariaDB's, in octets that MySQL reserves. */
export const MARIADB_CACHE_METADATA = 1 << 4

export const Status = {
  moreResults: 0x0008,
  cursorExists: 0x0040,
  noBackslashEscapes: 0x0200,
} as const

export const Command = {
  quit: 0x01,
  initDb: 0x02,
  query: 0x03,
  fieldList: 0x04,
  statistics: 0x09,
  ping: 0x0e,
  changeUser: 0x11,
  binlogDump: 0x12,
  tableDump: 0x13,
  stmtPrepare: 0x16,
  stmtExecute: 0x17,
  stmtSendLongData: 0x18,
  stmtClose: 0x19,
  stmtReset: 0x1a,
  setOption: 0x1b,
  stmtFetch: 0x1c,
  binlogDumpGtid: 0x1e,
  resetConnection: 0x1f,
  stmtBulkExecute: 0xfa,
} as const

/** Commands that are statements of a kind, and what SQL calls them. */
export const ADMINISTRATION: Readonly<Record<number, string>> = {
  5: 'CREATE',
  6: 'DROP',
  7: 'FLUSH',
  8: 'SHUTDOWN',
  10: 'SHOW',
  12: 'KILL',
  13: 'DEBUG',
  21: 'REGISTER_SLAVE',
}
