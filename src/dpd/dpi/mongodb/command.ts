/** Commands as documents: the first element is the command, its value as a rule the collection. */
import type { Fields } from '../../../core/inspect/contract.js'
import { BsonType, type Element, type Extent, numberOf, stringOf, walk } from './bson.js'

/** Commands whose arguments name further collections, or none by their first value. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  renameCollection: ['collection', 'database'],
  bulkWrite: ['collection', 'database'],
  shardCollection: ['collection', 'database'],
  applyOps: ['collection', 'database'],
  copydb: ['collection', 'database'],
  mapReduce: ['collection'],
  mapreduce: ['collection'],
  cloneCollectionAsCapped: ['collection'],
}
/** Commands whose first value may be a string, but that of a user, role, log, parameter or database. */
const NO_COLLECTION = new Set(
  `getParameter getLog logRotate configureFailPoint setFeatureCompatibilityVersion createUser updateUser dropUser
   usersInfo grantRolesToUser revokeRolesFromUser createRole updateRole dropRole rolesInfo grantRolesToRole
   revokeRolesFromRole grantPrivilegesToRole revokePrivilegesFromRole enableSharding addShard removeShard`.split(
    /\s+/,
  ),
)
/** Stages of a pipeline that read or write another collection than the command's. */
const REACHING = new Set(['$lookup', '$graphLookup', '$unionWith', '$out', '$merge', '$facet'])
/** `explain` and `$query` hold the command itself. */
const WRAPPERS = new Set(['explain', '$query', 'query'])
/** A wrapper in a wrapper is no command that a server takes. */
const WRAPPED = 2

export interface CommandDocument {
  readonly command: string
  readonly collection: string | null
  readonly database: string | null
  /** What of the fields the arguments leave open. */
  readonly ambiguous: readonly string[]
}

export type CommandRead =
  | CommandDocument
  /** Octets are missing that would tell more. */
  | { readonly cut: CommandDocument }
  | { readonly clause: string }

/** `document` = from its first octet to the window's or the message's end. */
export function readCommandDocument(document: Extent): CommandRead {
  const reading = new Reading()
  const walked = walk(document, (element) => reading.visit(element))
  if (walked === 'malformed') return { clause: 'BSON document' }
  if (walked === 'whole' && reading.command === '') return { clause: 'MongoDB command name' }
  const told = reading.told()
  return walked === 'cut' || reading.isCut ? { cut: reading.toldCut() } : told
}

class Reading {
  command = ''
  isCut = false
  #collection: string | null = null
  #database: string | null = null
  #ambiguous = new Set<string>()
  #wrappedIn = 0
  /** The collection stands in a field of its own (getMore), or the pipeline has to be seen. */
  #wants: 'collection' | 'pipeline' | null = null

  visit(element: Element): boolean {
    if (this.command === '') this.#first(element)
    else if (element.name === '$db') this.#database ??= stringOf(element)
    else if (element.name === this.#wants) this.#wanted(element)
    return this.#database !== null && this.#wants === null
  }

  #first(element: Element): void {
    const isWrapper = WRAPPERS.has(element.name) && element.type === BsonType.document
    if (isWrapper && this.#wrappedIn < WRAPPED) {
      this.#wrappedIn++
      const walked = walk(element.value, (inner) => {
        if (this.command === '') this.#first(inner)
        else if (inner.name === this.#wants) this.#wanted(inner)
        return this.command !== '' && this.#wants === null
      })
      this.isCut ||= walked === 'cut'
      if (element.name === 'explain') this.command = 'explain'
      return
    }
    this.command = element.name
    const value = stringOf(element)
    if (element.name === 'getMore') this.#wants = 'collection'
    else if (element.name === 'aggregate') this.#wants = 'pipeline'
    if (value !== null && !NO_COLLECTION.has(element.name)) this.#collection = value
    for (const field of ELSEWHERE[element.name] ?? []) this.#ambiguous.add(field)
    if (element.type === BsonType.string && value === null) this.#ambiguous.add('collection')
  }

  #wanted(element: Element): void {
    if (this.#wants === 'collection') this.#collection = stringOf(element)
    else if (element.type === BsonType.array) this.#pipeline(element)
    this.#wants = null
  }

  #pipeline({ value }: Element): void {
    const walked = walk(value, (stage) => {
      if (stage.type !== BsonType.document) return false
      const inner = walk(stage.value, ({ name }) => {
        if (REACHING.has(name)) this.#ambiguous.add('collection')
        return true
      })
      this.isCut ||= inner === 'cut'
      return false
    })
    this.isCut ||= walked === 'cut'
  }

  told(): CommandDocument {
    return {
      command: this.command,
      collection: this.#collection,
      database: this.#database,
      ambiguous: [...this.#ambiguous],
    }
  }

  /** What may come after is open. */
  toldCut(): CommandDocument {
    if (this.command === '') this.#ambiguous.add('command')
    if (this.#database === null) this.#ambiguous.add('database')
    if (this.#wants !== null || this.command === '' || this.isCut) this.#ambiguous.add('collection')
    return this.told()
  }
}

export function fieldsOf(document: CommandDocument): Fields {
  const { command, collection, database, ambiguous } = document
  return {
    command,
    ...(collection === null ? {} : { collection }),
    ...(database === null ? {} : { database }),
    ...(ambiguous.length === 0 ? {} : { ambiguous }),
  }
}

/** Of a reply: errors are short, and results long; what is cut is a result. */
export function readOutcome(document: Extent): Fields {
  let ok = true
  let code: number | null = null
  let codeName: string | null = null
  walk(document, (element) => {
    if (element.name === 'ok') ok = numberOf(element) !== 0
    else if (element.name === '$err') ok = false
    else if (element.name === 'code') code = numberOf(element)
    else if (element.name === 'codeName') codeName = stringOf(element)
    return false
  })
  if (ok) return OK
  return { status: 'error', code: codeName ?? (code === null ? '' : String(code)) }
}

const OK: Fields = { status: 'ok' }
