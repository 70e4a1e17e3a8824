import { runCases } from '../run-cases.js'

runCases('websocket.md')
