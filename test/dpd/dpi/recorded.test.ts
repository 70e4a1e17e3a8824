import { runCases } from './run-cases.js'

runCases('recorded.md')
