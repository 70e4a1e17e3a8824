/** The words that the statement reader knows. */

/** Read or write rows themselves, and may be the main part of another statement. */
export const DML = new Set([
  ...['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'REPLACE', 'MERGE', 'VALUES', 'TABLE'],
])

/** Statements whose tables stand in their text; of any other first word neither verb nor tables are sure. */
export const READABLE = new Set([
  ...[...DML, 'WITH', 'ABORT', 'ALTER', 'ANALYZE', 'BEGIN', 'CALL', 'CHECK', 'CHECKPOINT'],
  ...['CHECKSUM', 'CLOSE', 'CLUSTER', 'COMMENT', 'COMMIT', 'COPY', 'CREATE', 'DEALLOCATE'],
  ...['DECLARE', 'DESC', 'DESCRIBE', 'DISCARD', 'DO', 'DROP', 'END', 'EXPLAIN', 'FETCH', 'FLUSH'],
  ...['GRANT', 'HANDLER', 'KILL', 'LISTEN', 'LOAD', 'LOCK', 'MOVE', 'NOTIFY', 'OPTIMIZE'],
  ...['PREPARE', 'REFRESH', 'REINDEX', 'RELEASE', 'RENAME', 'REPAIR', 'RESET', 'REVOKE'],
  ...['ROLLBACK', 'SAVEPOINT', 'SET', 'SHOW', 'START', 'TRUNCATE', 'UNLISTEN', 'UNLOCK', 'USE'],
  ...['VACUUM', 'XA'],
  // Of replication connections.
  ...['IDENTIFY_SYSTEM', 'START_REPLICATION', 'BASE_BACKUP', 'CREATE_REPLICATION_SLOT'],
  ...['DROP_REPLICATION_SLOT', 'READ_REPLICATION_SLOT', 'TIMELINE_HISTORY'],
])

/** Their text does not say which tables they touch. */
export const OPAQUE = new Set(['CALL', 'DO'])

/** EXPLAIN may stand before them, other than those of DML. */
export const EXPLAINED = new Set(['CREATE', 'DECLARE', 'REFRESH'])

/** The first word is followed by tables. */
export const NAMES_FOLLOW = new Set([
  ...['TRUNCATE', 'VACUUM', 'ANALYZE', 'CLUSTER', 'LOCK', 'COPY', 'HANDLER'],
])

/** These may end without a table that their TABLES promised. */
export const TABLES_ALONE = new Set(['FLUSH', 'UNLOCK', 'SHOW', 'ALTER', 'DISCARD'])

/** Between the word that promises a table and its name. */
export const MODIFIERS = new Set([
  ...['IF', 'NOT', 'EXISTS', 'CONCURRENTLY', 'LOW_PRIORITY', 'DELAYED', 'HIGH_PRIORITY'],
  ...['IGNORE', 'INTO', 'TABLE', 'TABLES', 'LATERAL'],
])

/** Of the statements whose first word promises a table. */
export const OPTIONS = new Set([
  ...['FULL', 'FREEZE', 'VERBOSE', 'ANALYZE', 'SKIP_LOCKED', 'EXTENDED', 'PARTITIONS', 'FORMAT'],
  ...['LOCAL', 'NO_WRITE_TO_BINLOG', 'BINARY'],
])

/** End a list of tables. Reserved by both servers, so that none is an alias. */
export const ENDS_TABLES = new Set(['WHERE', 'GROUP', 'HAVING', 'ORDER', 'LIMIT', 'UNION', 'INTO'])
export const POSTGRESQL_ENDS_TABLES = new Set([
  ...['OFFSET', 'FETCH', 'WINDOW', 'RETURNING', 'EXCEPT', 'INTERSECT', 'TO'],
])

/** What CREATE, GRANT and REVOKE may name after ON instead of tables. */
export const NOT_TABLES = new Set([
  ...['DATABASE', 'SCHEMA', 'FUNCTION', 'PROCEDURE', 'ROUTINE', 'SEQUENCE', 'LANGUAGE', 'TYPE'],
  ...['DOMAIN', 'FOREIGN', 'LARGE', 'PARAMETER', 'TABLESPACE', 'PACKAGE'],
])

/** CREATE and ALTER of these hold code. */
export const ROUTINES = new Set([
  ...['PROCEDURE', 'FUNCTION', 'TRIGGER', 'EVENT', 'RULE', 'PACKAGE', 'AGGREGATE', 'EXTENSION'],
])
