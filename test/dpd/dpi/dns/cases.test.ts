import { runCases } from '../run-cases.js'

runCases('dns.md')
