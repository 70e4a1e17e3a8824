import { runCases } from '../run-cases.js'

runCases('postgresql.md')
