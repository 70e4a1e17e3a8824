/**
 * YAML files as checked values, every problem with its file, line and column. Policy files,
 * endpoints.d and dpd.yaml are read through here, each with its own zod schema.
 */
import { isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml'
import type * as z from 'zod'
import { describeIssue, formatKeys, type Keys } from './schema-issue.js'

export interface TextFile {
  readonly path: string
  readonly text: string
}

/** Line and column count from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

export interface DocumentError extends Position {
  readonly path: string
  readonly message: string
}

export interface YamlDocument {
  readonly path: string
  readonly value: unknown
  /** Of the value under these keys; where there is none, of the nearest value around it. */
  position(keys: Keys): Position
}

export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errors: readonly DocumentError[] }

/** An alias may stand for at most so many nodes: "billion laughs" ends as an error. */
const ALIAS_COUNT_MAX = 100

export function formatDocumentError(error: DocumentError): string {
  return `${error.path}:${error.line}:${error.column}: ${error.message}`
}

/** The documents of one file; empty ones (only comments) are left out. */
export function parseYaml(file: TextFile): Reading<readonly YamlDocument[]> {
  const lines = new LineCounter()
  const parsed = parseAllDocuments(file.text, {
    lineCounter: lines,
    prettyErrors: false,
    // Warnings are returned; the library would also print them.
    logLevel: 'error',
  })
  const errors: DocumentError[] = []
  const documents: YamlDocument[] = []
  for (const document of Array.isArray(parsed) ? parsed : []) {
    for (const problem of [...document.errors, ...document.warnings]) {
      errors.push(errorAt(file.path, lines, problem.pos[0], `YAML: ${problem.message}`))
    }
    if (document.errors.length > 0 || document.contents === null) continue
    const contents = document.contents
    try {
      const value: unknown = document.toJS({ maxAliasCount: ALIAS_COUNT_MAX })
      if (value === null && isScalar(contents) && contents.source === '') continue
      documents.push({
        path: file.path,
        value,
        position: (keys) => positionOf(lines, nodeAt(contents, keys)),
      })
    } catch (error) {
      const offset = contents.range?.[0] ?? 0
      errors.push(errorAt(file.path, lines, offset, `YAML: ${(error as Error).message}`))
    }
  }
  return errors.length > 0 ? { ok: false, errors } : { ok: true, value: documents }
}

/** Checks the document, or the part of it under `base`, against a schema. */
export function readDocument<T>(
  schema: z.ZodType<T>,
  document: YamlDocument,
  base: Keys = [],
): Reading<T> {
  const value = valueAt(document.value, base)
  const result = schema.safeParse(value)
  if (result.success) return { ok: true, value: result.data }
  const errors = result.error.issues
    .flatMap((issue) => describeIssue(issue, value))
    .map(({ keys, message }) => documentError(document, [...base, ...keys], message))
  return { ok: false, errors }
}

/** The message is preceded by the keys that lead to the place. */
export function documentError(document: YamlDocument, keys: Keys, message: string): DocumentError {
  const place = formatKeys(keys)
  return {
    path: document.path,
    ...document.position(keys),
    message: place === '' ? message : `${place}: ${message}`,
  }
}

export function valueAt(value: unknown, keys: Keys): unknown {
  let at = value
  for (const key of keys) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined
    at = (at as Record<PropertyKey, unknown>)[key]
  }
  return at
}

function nodeAt(contents: Node, keys: Keys): Node {
  let node = contents
  for (const [depth, key] of keys.entries()) {
    const next = childOf(node, key, depth === keys.length - 1)
    if (next === null) return node
    node = next
  }
  return node
}

/** For the last key of a map the key itself: that is where the reader's eye has to go. */
function childOf(node: Node, key: PropertyKey, last: boolean): Node | null {
  if (isSeq(node)) {
    const item = node.items[Number(key)]
    return isNode(item) ? item : null
  }
  if (!isMap(node)) return null
  const pair = node.items.find(({ key: k }) => isScalar(k) && String(k.value) === String(key))
  const found = last ? pair?.key : pair?.value
  return isNode(found) ? found : null
}

function positionOf(lines: LineCounter, node: Node): Position {
  return linePosition(lines, node.range?.[0] ?? 0)
}

function linePosition(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

function errorAt(path: string, lines: LineCounter, offset: number, message: string): DocumentError {
  return { path, ...linePosition(lines, offset), message }
}
