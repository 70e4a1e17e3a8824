import { runCases } from '../run-cases.js'

runCases('amqp.md')
