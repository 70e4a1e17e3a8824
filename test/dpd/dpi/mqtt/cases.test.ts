import { runCases } from '../run-cases.js'

runCases('mqtt.md')
