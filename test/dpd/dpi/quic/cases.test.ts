import { runCases } from '../run-cases.js'

runCases('quic.md')
