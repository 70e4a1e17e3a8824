/**
 * Where each target's inputs start from: every recorded flow and case in which the registry sees the
 * target's app, and what is filed under its name. A new parser is a target as it stands in the registry.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { unpackCapture } from '../../src/dpd/capture-file.js'
import { registry } from '../../src/dpd/dpi/registry.js'
import { capturedFlows, capturesFolder } from '../dpd/dpi/captured.js'
import { readCases } from '../dpd/dpi/cases.js'
import { deliver } from '../dpd/dpi/deliver.js'
import { readRecorded, recordedNames } from '../dpd/dpi/recorded.js'
import { root } from '../root.js'
import { type Conversation, readConversation } from './conversation.js'
import { bounded } from './mutate.js'
import { framesSeeds, QUIC_FRAMES } from './quic-frames.js'
import { GRAMMAR } from './words.js'

/** Of which one may have several parsers. */
export const APPS: ReadonlySet<string> = new Set(registry.map(({ app }) => app))
/** And grammars within an app. */
export const TARGETS: readonly string[] = [...new Set([...APPS, ...Object.keys(GRAMMAR)])]

export const keptFolder = (target: string): string => join(root, 'test/fixtures/dpi/fuzz', target)

/** Inputs that once failed, by file name. */
export function keptInputs(target: string): readonly (readonly [string, Conversation])[] {
  return filesBelow(keptFolder(target), /\.octets$/).map((file) => [
    basename(file),
    readConversation(readFileSync(file, 'ascii')),
  ])
}

function filesBelow(folder: string, suffix: RegExp): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => suffix.test(name))
    .sort()
    .map((name) => join(folder, name))
}

interface Filed extends Conversation {
  /** File and folder names that it comes from. */
  readonly under: readonly string[]
}

const namesOf = (path: string): string[] => path.split(/[/.-]/)

function cases(): Filed[] {
  const folder = join(root, 'test/fixtures/dpi/cases')
  return filesBelow(folder, /(?<!README)\.md$/).flatMap((file) =>
    readCases(basename(file)).map(({ transport, sends }) => ({
      ...{ transport, sends },
      under: namesOf(basename(file, '.md')),
    })),
  )
}

/** A recorded datagram's transport is not written down: it is where the registry knows it. */
function recorded(): Filed[] {
  return recordedNames().flatMap((name) =>
    (['tcp', 'udp'] as const)
      .map((transport) => ({ transport, sends: readRecorded(name), under: [] }))
      .filter((one) => appsOf(one).some((app) => name.startsWith(`${app}-`))),
  )
}

function captured(): Filed[] {
  const benchmark = filesBelow(join(root, 'bench/captures'), /\.pcap\.gz$/)
  return [...filesBelow(capturesFolder, /\.pcap$/), ...benchmark].flatMap((file) =>
    capturedFlows(file, unpackCapture(new Uint8Array(readFileSync(file)))).map(
      ({ transport, sends }) => ({ transport, sends, under: namesOf(file.slice(root.length)) }),
    ),
  )
}

/** 'unknown' among them. */
export function appsOf({ sends, transport }: Conversation): string[] {
  const { facts, app } = deliver(sends, transport)
  return [...new Set([...facts.map((fact) => fact.app), ...(app === null ? [] : [app])])]
}

/** What captures of a grammar within an app are called besides. */
const CALLED: Readonly<Record<string, readonly string[]>> = { http2: ['h2', 'grpc'] }

export interface Seeds {
  readonly of: (target: string) => readonly Conversation[]
  /** How many of them the registry recognises as the target's. */
  readonly recognised: (target: string) => number
}

export function readSeeds(): Seeds {
  const all = [...cases(), ...recorded(), ...captured()]
    .map((one) => ({ ...one, sends: bounded(one.sends) }))
    .filter(({ sends }) => sends.length > 0)
    .map((one) => ({ ...one, apps: appsOf(one) }))
  return {
    of: (target) => {
      if (target === QUIC_FRAMES) return framesSeeds()
      const names = [target, ...(CALLED[target] ?? [])]
      return all.filter(
        ({ apps, under }) => apps.includes(target) || names.some((name) => under.includes(name)),
      )
    },
    recognised: (target) => all.filter(({ apps }) => apps.includes(target)).length,
  }
}
