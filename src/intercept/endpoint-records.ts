/**
 * Endpoint records: one file each, named after the endpoint's key, with a spare copy outside /run. A
 * damaged file is set aside and reported, never a reason not to start.
 */

import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import type * as z from 'zod/mini'
import type { AttachmentKey, EndpointRecord } from '../core/endpoint.js'
import { endpointRecordSchema } from '../core/endpoint-record.js'
import type { Instance } from '../core/instance.js'
import { sha256Hex } from '../core/sha256.js'
import { readStateFile, removeBootFile, setAside, writeBootFile } from './state-file.js'

/** With `vin-` before it 15 octets, IFNAMSIZ less its NUL; 44 bits of SHA-256. */
const KEY_HEX_DIGITS = 11

/** Each call of the plugin is about one key. */
let last = { text: '', hash: '' }

/** Names a file and both links; the whole identity is in the record and in the links' alias. */
export function keyHash({ containerID, ifName }: AttachmentKey): string {
  const text = `${containerID}\0${ifName}`
  if (last.text !== text) last = { text, hash: sha256Hex(text).slice(0, KEY_HEX_DIGITS) }
  return last.hash
}

export function recordPath(instance: Instance, key: AttachmentKey): string {
  return join(instance.endpointsDir, `${keyHash(key)}.json`)
}

export const locksDir = ({ runDir }: Instance): string => join(runDir, 'locks')

/** See kept-interfaces.ts. */
export const interfacesDir = ({ runDir }: Instance): string => join(runDir, 'interfaces')

/** Beside the record. */
export function keptPath(instance: Instance, key: AttachmentKey): string {
  return join(interfacesDir(instance), `${keyHash(key)}.json`)
}

/** The lock that makes ADD and DEL of one endpoint a sequence. */
export function keyLockPath(instance: Instance, key: AttachmentKey): string {
  return join(locksDir(instance), keyHash(key))
}

function sparePath(instance: Instance, key: AttachmentKey): string {
  return join(instance.endpointsSpareDir, `${keyHash(key)}.json`)
}

const recordText = (record: EndpointRecord): string => `${JSON.stringify(record)}\n`

/** As this process has written it. */
export function isWritten(instance: Instance, record: EndpointRecord): boolean {
  return readStateFile(recordPath(instance, record)) === recordText(record)
}

export function writeRecord(instance: Instance, record: EndpointRecord): void {
  const text = recordText(record)
  writeBootFile(sparePath(instance, record), text)
  writeBootFile(recordPath(instance, record), text)
}

/** And what is kept beside it. */
export function removeRecord(instance: Instance, key: AttachmentKey): void {
  removeBootFile(keptPath(instance, key))
  removeBootFile(recordPath(instance, key))
  removeBootFile(sparePath(instance, key))
}

/** A state file by its schema; null = absent, or damaged and set aside. */
export function readState<T>(
  path: string,
  schema: z.ZodMiniType<T>,
  warn: (message: string) => void,
): T | null {
  const text = readStateFile(path)
  if (text === null) return null
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    json = undefined
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  warn(
    `${path}: not a state file of this version (${parsed.error.issues[0]?.path.join('.')}); set aside as ${path}.bad`,
  )
  setAside(path)
  return null
}

/** null = neither copy is there or can be read. */
export function readRecord(
  instance: Instance,
  key: AttachmentKey,
  warn: (message: string) => void,
): EndpointRecord | null {
  return (
    readState(recordPath(instance, key), endpointRecordSchema, warn) ??
    readState(sparePath(instance, key), endpointRecordSchema, warn)
  )
}

export function stateFiles(dir: string): string[] {
  try {
    return readdirSync(dir)
      .filter((name) => name.endsWith('.json'))
      .sort()
      .map((name) => join(dir, name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

interface Parsed {
  /** Every writer renames a new file over the old one; damage in place changes ctime. */
  readonly version: string
  readonly record: EndpointRecord
}

const parsed = new Map<string, Parsed>()

/** A daemon lists them all the time, and few ever change. */
function readListed(path: string, warn: (message: string) => void): EndpointRecord | null {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
  const version = stat === undefined ? '' : `${stat.ino} ${stat.ctimeNs} ${stat.size}`
  const known = parsed.get(path)
  if (known?.version === version) return known.record
  const record = stat === undefined ? null : readState(path, endpointRecordSchema, warn)
  if (record === null) parsed.delete(path)
  else parsed.set(path, { version, record })
  return record
}

function recordsIn(
  dir: string,
  warn: (message: string) => void,
  isWanted = (_path: string) => true,
): EndpointRecord[] {
  const paths = stateFiles(dir)
  const listed = new Set(paths)
  for (const path of parsed.keys()) {
    if (path.startsWith(`${dir}/`) && !listed.has(path)) parsed.delete(path)
  }
  return paths.filter(isWanted).flatMap((path) => readListed(path, warn) ?? [])
}

/** Records of which only the spare copy is left. */
export function listLostRecords(
  instance: Instance,
  warn: (message: string) => void,
): EndpointRecord[] {
  const present = new Set(stateFiles(instance.endpointsDir).map((path) => basename(path)))
  const isLost = (path: string): boolean => !present.has(basename(path))
  return recordsIn(instance.endpointsSpareDir, warn, isLost).filter(
    (record) => !existsSync(recordPath(instance, record)),
  )
}

export function listRecords(instance: Instance, warn: (message: string) => void): EndpointRecord[] {
  return [...recordsIn(instance.endpointsDir, warn), ...listLostRecords(instance, warn)]
}
