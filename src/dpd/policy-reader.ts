/**
 * Policy sets are read beside the main thread where they are large: 10 000 rules of YAML take 2 s,
 * in which no ADD would be answered.
 */
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { yamlOctetsOf } from './policy-files.js'
import {
  type Directories,
  PolicySources,
  type Sources,
  type SourcesLoad,
} from './policy-sources.js'

/** Some 100 ms: as long as a thread takes to begin. */
const LARGE_OCTETS = 128 << 10

interface PolicyReading {
  readonly directories: Directories
  readonly lastGoodFile: string
}

interface Read {
  readonly load: SourcesLoad
  readonly faults: readonly string[]
}

export interface PolicyReaderParts extends PolicyReading {
  /** Runs `runPolicyReader` where it is not the main thread. */
  readonly file: URL
  readonly warn: (message: string) => void
}

export class PolicyReader {
  readonly #sources: PolicySources

  constructor(private readonly parts: PolicyReaderParts) {
    this.#sources = new PolicySources(parts.directories, parts.lastGoodFile, parts.warn)
  }

  async read(): Promise<SourcesLoad> {
    const { directories, lastGoodFile, file, warn } = this.parts
    const octets = yamlOctetsOf([directories.policies, directories.endpoints])
    if (octets < LARGE_OCTETS) return this.#sources.read()
    const reading: PolicyReading = { directories, lastGoodFile }
    const worker = new Worker(file, { workerData: reading, argv: [], name: 'policy reader' })
    const { load, faults } = await new Promise<Read>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
      worker.once('exit', () => reject(new Error('the policy reader ended without an answer')))
    })
    for (const fault of faults) warn(fault)
    return load
  }

  readLastGood(): Sources | null {
    return this.#sources.readLastGood()
  }
}

export function runPolicyReader(): void {
  const { directories, lastGoodFile } = workerData as PolicyReading
  const faults: string[] = []
  const sources = new PolicySources(directories, lastGoodFile, (fault) => void faults.push(fault))
  const read: Read = { load: sources.read(), faults }
  parentPort?.postMessage(read)
}
