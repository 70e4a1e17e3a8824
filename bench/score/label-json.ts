/** Rows of a label file in JSON. */
import { parseYaml, type YamlDocument } from '../../src/core/yaml-document.js'
import { columnsOf, LabelError } from './label-rows.js'

export interface JsonRow {
  readonly line: () => number
  readonly cells: Readonly<Record<string, unknown>>
}

/** `[{file, protocol, …}, …]`, or `{FILE: PROTOCOL | {protocol, …} | [{…}, …], …}`. */
export function jsonRows(path: string, text: string): JsonRow[] {
  const read = parseYaml({ path, text })
  const document = read.ok ? read.value[0] : undefined
  if (!read.ok || document === undefined) {
    const error = read.ok ? undefined : read.errors[0]
    throw new LabelError(`${path}:${error?.line ?? 1}: ${error?.message ?? 'empty'}`)
  }
  const { value } = document
  if (Array.isArray(value)) return value.map((each, i) => jsonRow(document, [i], each, {}))
  if (!isRecord(value)) throw new LabelError(`${path}:1: neither a list nor a map of files`)
  return Object.entries(value).flatMap(([file, said]) =>
    Array.isArray(said)
      ? said.map((each, i) => jsonRow(document, [file, i], each, { file }))
      : [jsonRow(document, [file], said, { file })],
  )
}

function jsonRow(
  document: YamlDocument,
  keys: readonly (string | number)[],
  value: unknown,
  given: Readonly<Record<string, unknown>>,
): JsonRow {
  const line = () => document.position(keys).line
  if (typeof value === 'string') return { line, cells: { ...given, protocol: value } }
  if (!isRecord(value)) throw new LabelError(`${document.path}:${line()}: no label`)
  const heads = Object.keys(value)
  const columns = columnsOf(heads)
  const cells = heads.map((head, i) => [columns[i] ?? head, value[head]] as const)
  return { line, cells: { ...given, ...Object.fromEntries(cells) } }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
