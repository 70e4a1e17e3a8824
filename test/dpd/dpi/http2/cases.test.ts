import { runCases } from '../run-cases.js'

runCases('http2.md')
