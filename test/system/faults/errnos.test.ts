import { runPrivately } from './privately.js'

runPrivately('errnos.js')
