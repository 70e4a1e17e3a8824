import { runCases } from '../run-cases.js'

runCases('mongodb.md')
