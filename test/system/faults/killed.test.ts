import { runPrivately } from '../private-mounts.js'

runPrivately('faults/killed.js', 'private')
