/** The captures of a folder, and what is seen in each. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EMPTY_DIRECTORY } from '../../src/core/policy/endpoints-directory.js'
import { EMPTY_POLICY_SET } from '../../src/core/policy/model.js'
import { unpackCapture } from '../../src/dpd/capture-file.js'
import type { ReplayEngine, Replayed } from '../../src/dpd/engine/replay.js'
import { openReplay } from '../../src/dpd/replay.js'
import { type SeenFlow, Tally } from './tally.js'

const CAPTURE = /\.(?:pcap|pcapng|cap)(?:\.gz)?$/i

/** Paths in the folder, folders within it too, sorted. */
export function capturesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => CAPTURE.test(name))
    .sort()
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
