import { runCases } from '../run-cases.js'

runCases('ssh.md')
