import { runCases } from '../run-cases.js'

runCases('ntp.md')
