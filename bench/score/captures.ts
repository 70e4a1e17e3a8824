/** The captures of a folder, and what is seen in each. */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { join, relative } from 'node:path'
import { EMPTY_DIRECTORY } from '../../src/core/policy/endpoints-directory.js'
import { EMPTY_POLICY_SET } from '../../src/core/policy/model.js'
import { unpackCapture } from '../../src/dpd/capture-file.js'
import type { ReplayEngine, Replayed } from '../../src/dpd/engine/replay.js'
import { openReplay } from '../../src/dpd/replay.js'
import { type SeenFlow, Tally } from './tally.js'

const CAPTURE = /\.(?:pcap|pcapng|cap)(?:\.gz)?$/i

/** The files' first octets, in either order; of pcapng they are the same in both. */
const MAGICS = ['a1b2c3d4', 'd4c3b2a1', 'a1b23c4d', '4d3cb2a1', '0a0d0d0a']
const MAGIC_OCTETS = 4

/** Paths in the folder, folders within it too, sorted: by their ending, or by what they begin with. */
export function capturesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => ({ entry, path: join(entry.parentPath, entry.name) }))
    .filter(({ entry, path }) =>
      CAPTURE.test(entry.name) ? !entry.isDirectory() : entry.isFile() && beginsAsCapture(path),
    )
    .map(({ path }) => relative(folder, path))
    .sort()
}

function beginsAsCapture(path: string): boolean {
  const file = openSync(path, 'r')
  try {
    const magic = new Uint8Array(MAGIC_OCTETS)
    return (
      readSync(file, magic) === MAGIC_OCTETS && MAGICS.includes(Buffer.from(magic).toString('hex'))
    )
  } finally {
    closeSync(file)
  }
}

export interface Seen extends Replayed {
  readonly flows: readonly SeenFlow[]
}

/** One engine for all captures: their flows are over before the next one begins. */
export class Witness {
  private constructor(
    readonly tally: Tally,
    private readonly engine: ReplayEngine,
  ) {}

  static async open(): Promise<Witness> {
    const tally = new Tally()
    const { engine } = await openReplay({
      set: EMPTY_POLICY_SET,
      directory: EMPTY_DIRECTORY,
      namespace: 'default',
      pod: 'capture',
      flowsKept: 1,
      // What a flow is and every name it asks for, and no body.
      depth: 'transactions',
      report: tally,
      onEvents: tally.count,
    })
    return new Witness(tally, engine)
  }

  async see(folder: string, file: string): Promise<Seen> {
    const capture = unpackCapture(readFileSync(join(folder, file)))
    const replayed = await this.engine.run(capture)
    return { ...replayed, flows: this.tally.takeFlows() }
  }

  counters(): Readonly<Record<string, number>> {
    return this.engine.counters()
  }
}
