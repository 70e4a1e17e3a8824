import { runCases } from '../run-cases.js'

runCases('dhcp.md')
