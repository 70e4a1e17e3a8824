import { runPrivately } from '../private-mounts.js'

runPrivately('faults/errnos.js', 'private')
