/**
 * Captures with labels through engine, parsers and judge: `npm run score -- DIR`. Exit 0; 1 where --goal
 * is given and one is missed; 2 where the input is bad.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { capturesBelow, Witness } from './captures.js'
import { LABEL_FILES, LabelError, type Labels, readLabels } from './labels.js'
import { type Score, ScoreBook } from './score.js'
import { missesText, scoreText } from './text.js'

const USAGE = `usage: npm run score -- DIR [--labels FILE] [--misses] [--json] [--goal]
  --labels FILE  in place of the first of ${LABEL_FILES.join(', ')} in DIR
  --misses       list each flow that was not recognised, or taken for another protocol
  --json         all of it, as JSON
  --goal         exit 1 where a goal is missed`

class UsageError extends Error {}

function chosen() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        labels: { type: 'string' },
        misses: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        goal: { type: 'boolean', default: false },
      },
    })
    const [folder] = positionals
    if (folder !== undefined && positionals.length === 1) return { ...values, folder }
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${USAGE}`)
  }
  throw new UsageError(USAGE)
}

function labelsOf(folder: string, given: string | undefined): Labels {
  const candidates = given === undefined ? LABEL_FILES.map((name) => join(folder, name)) : [given]
  const path = candidates.find((candidate) => existsSync(candidate))
  if (path === undefined) {
    throw new UsageError(`no label file: ${candidates.join(', ')} not found`)
  }
  return readLabels(path, readFileSync(path, 'utf8'))
}

interface Scored extends Score {
  readonly captures: number
  readonly frames: number
  /** Frames that the engine could not read: cut by a snap length, for one. */
  readonly malformedFrames: number
  readonly parserFaults: number
  /** Captures that can't be read, or that end within a frame. */
  readonly problems: readonly string[]
  readonly isBad: boolean
}

async function scoreFolder(folder: string, labels: Labels): Promise<Scored> {
  const files = capturesBelow(folder)
  if (files.length === 0)
    throw new UsageError(`${folder}: no .pcap, .pcapng or .cap file, gzipped or not`)
  const witness = await Witness.open()
  const book = new ScoreBook()
  const problems: string[] = []
  let frames = 0
  let unread = 0
  for (const file of files) {
    const ofFile = labels.of(file)
    try {
      const seen = await witness.see(folder, file)
      frames += seen.frames
      book.add(file, ofFile, seen.flows)
      if (ofFile.length > 0 && seen.flows.length === 0)
        problems.push(`${file}: no flow in its ${seen.frames} frames`)
      if (seen.cutAtOctet !== null)
        problems.push(`${file}: ends within a frame, at octet ${seen.cutAtOctet}`)
    } catch (error) {
      unread++
      problems.push(`${file}: can't be read: ${(error as Error).message}`)
    }
  }
  const unused = labels.unused()
  return {
    ...book.finish(),
    ...{ captures: files.length - unread, frames, parserFaults: witness.tally.faults },
    malformedFrames: witness.counters().malformed ?? 0,
    problems: [...problems, ...unused],
    isBad: unread > 0 || unused.length > 0,
  }
}

async function main(): Promise<number> {
  const { folder, labels, misses, json, goal } = chosen()
  const { isBad, ...score } = await scoreFolder(folder, labelsOf(folder, labels))
  for (const problem of score.problems) console.error(`score: ${problem}`)
  if (json) console.log(JSON.stringify(score, null, 2))
  else {
    process.stdout.write(misses ? missesText(score) : '')
    const { captures, frames, malformedFrames, parserFaults } = score
    const read = `${captures} captures, ${frames} frames, ${malformedFrames} of them malformed`
    process.stdout.write(`${read}, ${parserFaults} parser faults\n${scoreText(score)}`)
  }
  if (isBad) return 2
  return goal && score.goalsMissed.length > 0 ? 1 : 0
}

process.exitCode = await main().catch((error: unknown) => {
  const isExpected = error instanceof UsageError || error instanceof LabelError
  const { code } = error as NodeJS.ErrnoException
  if (!isExpected && code === undefined) throw error
  console.error(`score: ${(error as Error).message}`)
  return 2
})
