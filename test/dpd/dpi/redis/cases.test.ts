import { runCases } from '../run-cases.js'

runCases('redis.md')
