import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { BPFFS_PATH } from '../../src/intercept/bpf/bpffs.js'
import { runPrivately } from './private-mounts.js'

// What other tests mount meanwhile is seen, what is unmounted here is not: /sys/fs/bpf is everybody's.
const pid = runPrivately('drift/drift.js', 'slave')
// There it is taken away, and with it the way to what was pinned.
rmSync(join(BPFFS_PATH, `vwdr${pid}`), { recursive: true, force: true })
