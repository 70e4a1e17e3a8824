/** endpoints.d: who is who on a node without an API server. */
import * as z from 'zod'
import { readAddress } from '../address.js'
import {
  type DocumentError,
  documentError,
  parseYaml,
  readDocument,
  type TextFile,
  type YamlDocument,
} from '../yaml-document.js'
import { type Labels, NAMESPACE_NAME_LABEL } from './label-selector.js'
import { labelsSchema, namespaceSchema } from './schema.js'

export interface NamespaceEntry {
  readonly name: string
  readonly labels: Labels
}

export interface PodEntry {
  readonly namespace: string
  /** `*` = any run of characters. */
  readonly name: string
  readonly labels: Labels
  /** Without prefix length. */
  readonly addresses: readonly string[]
}

export interface EndpointsDirectory {
  readonly namespaces: readonly NamespaceEntry[]
  readonly pods: readonly PodEntry[]
}

export const EMPTY_DIRECTORY: EndpointsDirectory = { namespaces: [], pods: [] }

export type EndpointsDirectoryLoad =
  | { readonly ok: true; readonly directory: EndpointsDirectory }
  | { readonly ok: false; readonly errors: readonly DocumentError[] }

const directorySchema = z.strictObject({
  namespaces: z
    .array(z.strictObject({ name: namespaceSchema, labels: labelsSchema.default({}) }))
    .default([]),
  pods: z
    .array(
      z.strictObject({
        namespace: namespaceSchema,
        name: z
          .string()
          .max(253, 'a pod name has at most 253 characters')
          .regex(/^[a-z0-9.*-]+$/, 'a pod name is lower case letters, digits, - and ., or a glob'),
        labels: labelsSchema.default({}),
        addresses: z
          .array(
            z
              .string()
              .refine((text) => readAddress(text) !== null, 'write an address without length'),
          )
          .default([]),
      }),
    )
    .default([]),
})

export function loadEndpointsDirectory(files: readonly TextFile[]): EndpointsDirectoryLoad {
  const errors: DocumentError[] = []
  const namespaces = new Map<string, NamespaceEntry>()
  const pods: PodEntry[] = []
  for (const file of files) {
    const parsed = parseYaml(file)
    if (!parsed.ok) {
      errors.push(...parsed.errors)
      continue
    }
    for (const document of parsed.value) {
      const reading = readDocument(directorySchema, document)
      if (!reading.ok) {
        errors.push(...reading.errors)
        continue
      }
      errors.push(...addNamespaces(document, reading.value.namespaces, namespaces))
      pods.push(...reading.value.pods)
    }
  }
  if (errors.length > 0) return { ok: false, errors }
  return { ok: true, directory: { namespaces: [...namespaces.values()], pods } }
}

function addNamespaces(
  document: YamlDocument,
  entries: readonly NamespaceEntry[],
  known: Map<string, NamespaceEntry>,
): DocumentError[] {
  const errors: DocumentError[] = []
  for (const [i, entry] of entries.entries()) {
    const automatic = entry.labels[NAMESPACE_NAME_LABEL]
    if (automatic !== undefined && automatic !== entry.name) {
      const keys = ['namespaces', i, 'labels', NAMESPACE_NAME_LABEL]
      const message = `is always the namespace's own name: remove it, or write ${entry.name}`
      errors.push(documentError(document, keys, message))
    }
    if (known.has(entry.name)) {
      const message = `namespace ${entry.name} is listed twice: put its labels in one place`
      errors.push(documentError(document, ['namespaces', i, 'name'], message))
    }
    known.set(entry.name, entry)
  }
  return errors
}
