/** A shard's worker with one more parser, whose faults no parser of ours has. */
import { isMainThread } from 'node:worker_threads'
import type { Parser } from '../../src/core/inspect/contract.js'
import { registry } from '../../src/dpd/dpi/registry.js'
import { runShardWorker } from '../../src/dpd/shards/worker.js'

const FAULTS: Readonly<Record<string, () => void>> = {
  SPIN: () => {
    for (;;) {}
  },
  // Out of any parser's call: nobody catches it.
  DIES: () => setImmediate(() => process.exit(7)),
}

const faulty: Parser<null> = {
  app: 'faulty',
  transport: ['tcp'],
  limits: { windowOctets: 64, stateOctets: 64, openTx: 1, probeOctets: 4 },
  probe: ({ orig }) => {
    FAULTS[Buffer.from(orig.subarray(0, 4)).toString('latin1')]?.()
    return 'no'
  },
  open: () => null,
  step: () => ({ take: 0, facts: [], next: { kind: 'done' } }),
  gap: () => ({ take: 0, facts: [], next: { kind: 'done' } }),
}

if (!isMainThread) {
  ;(registry as Parser<unknown>[]).unshift(faulty)
  runShardWorker()
}
