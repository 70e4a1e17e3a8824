import { runCases } from '../run-cases.js'

runCases('http-captured.md')
