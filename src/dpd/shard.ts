/** The program of a shard's worker: judge and parsers, without the daemon's own modules and libraries. */
import { isMainThread } from 'node:worker_threads'
import { runShardWorker } from './shards/worker.js'

if (!isMainThread) runShardWorker()
