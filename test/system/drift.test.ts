import { runPrivately } from './private-mounts.js'

// What other tests mount meanwhile is seen, what is unmounted here is not: /sys/fs/bpf is everybody's.
runPrivately('drift/drift.js', 'slave')
