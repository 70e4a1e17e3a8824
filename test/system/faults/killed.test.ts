import { runPrivately } from './privately.js'

runPrivately('killed.js')
