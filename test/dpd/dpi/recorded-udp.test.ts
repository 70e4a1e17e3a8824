import { runCases } from './run-cases.js'

runCases('recorded-udp.md', 'udp')
