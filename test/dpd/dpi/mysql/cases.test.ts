import { runCases } from '../run-cases.js'

runCases('mysql.md')
