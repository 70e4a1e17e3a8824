/** What policy is told of one statement. */
import type { Fields } from '../../../core/inspect/contract.js'
import type { FieldsDraft } from '../../../core/inspect/fields-draft.js'
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
  const lower = database.toLowerCase()
  const told = (fields: FieldsDraft): Fields => {
    fields.tables = tables
    fields.user = user
    if (lower !== '') fields.database = lower
    if (ambiguous.length > 0) fields.ambiguous = ambiguous
    return fields
  }
  if (verbs.length === 0) return [told({})]
  return verbs.map((verb) => told({ verb }))
}
