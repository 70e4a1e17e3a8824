import { runCases } from '../run-cases.js'

runCases('http-smuggling.md')
