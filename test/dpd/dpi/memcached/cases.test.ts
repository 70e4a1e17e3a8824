import { runCases } from '../run-cases.js'

runCases('memcached.md')
