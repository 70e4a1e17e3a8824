import { runCases } from '../run-cases.js'

runCases('smtp.md')
