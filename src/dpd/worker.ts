/** Which of dpd's threads this one is to be. */
import { workerData } from 'node:worker_threads'
import { type PolicyReading, runPolicyReader } from './policy-reader.js'
import type { ShardStart } from './shards/messages.js'
import { runShardWorker } from './shards/worker.js'

export function runWorker(): void {
  const { role } = workerData as PolicyReading | ShardStart
  if (role === 'policy-reader') runPolicyReader()
  else runShardWorker()
}
