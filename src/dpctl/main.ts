import { readFileSync } from 'node:fs'
import { run } from './run.js'

const stop = new AbortController()
process.once('SIGINT', () => stop.abort())
process.once('SIGTERM', () => stop.abort())
// `dpctl flows -f | head` closes our stdout: that is the end, not a fault.
process.stdout.on('error', () => process.exit(0))

process.exitCode = await run(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  signal: stop.signal,
  readFile: (path) => readFileSync(path),
})
