/**
 * What identification costs: captures of real clients and servers, one protocol each and all of them
 * at once, through the engine, the parsers and the judge as `dpctl replay` runs them. CPU time is the
 * whole process's (engine, parsers, garbage collection, compilation), never wall time.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { EMPTY_DIRECTORY } from '../src/core/policy/endpoints-directory.js'
import { EMPTY_POLICY_SET } from '../src/core/policy/model.js'
import { DEPTHS, type Depth } from '../src/dpd/depth.js'
import type { ReplayEngine } from '../src/dpd/engine/replay.js'
import { ENDED_FLOWS_KEPT } from '../src/dpd/flows.js'
import { openReplay } from '../src/dpd/replay.js'
import { root } from '../test/root.js'
import { type Spread, spread } from './statistics.js'

const PROTOCOLS = ['http', 'tls', 'dns', 'redis', 'mysql', 'postgres', 'ssh'] as const
/** The capture again and again, for tenths of a second. */
const FRAMES_PER_ROUND = 400_000
/** Before those that count: after one, a quarter of the time still went into compiling what had become hot. */
const WARM_ROUNDS = 4
const FILE_HEADER_OCTETS = 24
const RECORD_HEADER_OCTETS = 16

interface Capture {
  readonly name: string
  readonly frames: number
  readonly octets: number
  readonly file: Buffer
}

export interface ReplayFigure {
  readonly name: string
  readonly frames: number
  readonly octetsPerFrame: number
  /** Frames per CPU second, in millions. */
  readonly mpps: Spread
  readonly nsPerFrame: number
}

/** pcap-savefile(5) as tcpdump writes it here: little-endian, microseconds. */
function records(file: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = FILE_HEADER_OCTETS; at < file.length; ) {
    const end = at + RECORD_HEADER_OCTETS + file.readUInt32LE(at + 8)
    found.push(file.subarray(at, end))
    at = end
  }
  return found
}

const timeUs = (record: Buffer): number => record.readUInt32LE(0) * 1e6 + record.readUInt32LE(4)

function withTime(record: Buffer, us: number): Buffer {
  const copy = Buffer.from(record)
  copy.writeUInt32LE(Math.floor(us / 1e6), 0)
  copy.writeUInt32LE(us % 1e6, 4)
  return copy
}

/** All from one moment on, interleaved as their clients would be. */
function atOnce(files: readonly Buffer[]): Buffer[] {
  const all = files.flatMap((file) => {
    const own = records(file)
    const [first] = own
    return first === undefined
      ? []
      : own.map((record) => withTime(record, timeUs(record) - timeUs(first)))
  })
  return all.sort((a, b) => timeUs(a) - timeUs(b))
}

function captureOf(name: string, frames: readonly Buffer[], header: Buffer): Capture {
  const octets = frames.reduce((sum, frame) => sum + frame.length - RECORD_HEADER_OCTETS, 0)
  return { name, frames: frames.length, octets, file: Buffer.concat([header, ...frames]) }
}

function captures(): Capture[] {
  const files = PROTOCOLS.map((name) =>
    gunzipSync(readFileSync(join(root, 'bench', 'captures', `${name}.pcap.gz`))),
  )
  const header = files[0]?.subarray(0, FILE_HEADER_OCTETS) ?? Buffer.alloc(0)
  const single = files.map((file, i) => captureOf(PROTOCOLS[i] ?? '', atOnce([file]), header))
  return [...single, captureOf('mix', atOnce(files), header)]
}

/** One capture's engine, parsers and judge: as in a daemon, they stay. */
class Bed {
  readonly mpps: number[] = []

  private constructor(
    readonly capture: Capture,
    private readonly engine: ReplayEngine,
  ) {}

  static async open(capture: Capture, depth: Depth): Promise<Bed> {
    const { engine } = await openReplay({
      ...{ set: EMPTY_POLICY_SET, directory: EMPTY_DIRECTORY },
      ...{ namespace: 'default', pod: 'capture', flowsKept: ENDED_FLOWS_KEPT, depth },
    })
    return new Bed(capture, engine)
  }

  async round(frames: number): Promise<number> {
    const before = process.cpuUsage()
    let done = 0
    while (done < frames) done += (await this.engine.run(this.capture.file)).frames
    const { user, system } = process.cpuUsage(before)
    return done / (user + system)
  }
}

/** Rounds interleaved, after those that compile. `names`: these captures alone. */
export async function replayRounds(
  depth: Depth,
  rounds: number,
  names: readonly string[] = [],
): Promise<ReplayFigure[]> {
  const all = captures().filter(({ name }) => names.length === 0 || names.includes(name))
  const beds = await Promise.all(all.map((capture) => Bed.open(capture, depth)))
  for (let round = 0; round < WARM_ROUNDS; round++) {
    for (const bed of beds) await bed.round(FRAMES_PER_ROUND)
  }
  for (let round = 0; round < rounds; round++) {
    for (const bed of beds) bed.mpps.push(await bed.round(FRAMES_PER_ROUND))
  }
  return beds.map(({ capture: { name, frames, octets }, mpps: samples }) => {
    const mpps = spread(samples)
    const octetsPerFrame = Math.round(octets / frames)
    return { name, frames, octetsPerFrame, mpps, nsPerFrame: Math.round(1000 / mpps.median) }
  })
}

if (process.argv[1]?.endsWith('bench/replay.js')) {
  const [, , word = 'identify', rounds = '5', ...names] = process.argv
  const depth = DEPTHS.find((known) => known === word)
  if (depth === undefined) throw new Error(`replay.js [${DEPTHS.join('|')}] [ROUNDS] [CAPTURE…]`)
  console.table(
    (await replayRounds(depth, Number(rounds), names)).map(({ mpps, ...figure }) => ({
      ...figure,
      'Mpps per CPU second': mpps.median.toFixed(2),
      range: `${mpps.min.toFixed(2)} … ${mpps.max.toFixed(2)}`,
    })),
  )
}
