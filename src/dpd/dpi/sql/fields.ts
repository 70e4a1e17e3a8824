/** What policy is told of one statement. */
import type { Fields } from '../../../core/inspect/contract.js'
import type { Statement } from './statement.js'

export interface Session {
  readonly user: string
  /** '' = none. */
  readonly database: string
  /** A statement that is not answered yet may change it. */
  readonly databaseUnsure: boolean
}

/** One for each verb. */
export function fieldsOf(statement: Statement, session: Session): Fields[] {
  const { verbs, tables } = statement
  const { user, database, databaseUnsure } = session
  const ambiguous = databaseUnsure ? [...statement.ambiguous, 'database'] : statement.ambiguous
  const shared = {
    tables,
    user,
    ...(database === '' ? {} : { database: database.toLowerCase() }),
    ...(ambiguous.length === 0 ? {} : { ambiguous }),
  }
  if (verbs.length === 0) return [shared]
  return verbs.map((verb) => ({ verb, ...shared }))
}
