import { runCases } from '../run-cases.js'

runCases('tls.md')
