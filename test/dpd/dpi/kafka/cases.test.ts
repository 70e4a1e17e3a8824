import { runCases } from '../run-cases.js'

runCases('kafka.md')
