/** dpd: the node daemon's command line, and the one place that answers for its exit status. */
import { setFlagsFromString } from 'node:v8'
import { isMainThread } from 'node:worker_threads'
import { pino } from 'pino'
import { instanceOf } from '../core/instance.js'
import { PRODUCT_VERSION } from '../core/product-version.js'
import { os } from '../intercept/addon.js'
import { closeEnforcer, ensureEnforcer } from '../intercept/enforcer.js'
import { InUseError } from './api/listen.js'
import { type Arguments, readArguments, USAGE } from './arguments.js'
import { checkFiles } from './check.js'
import { ConfigError, loadConfig } from './config-file.js'
import { openContext, startDaemon } from './daemon.js'
import { runPolicyReader } from './policy-reader.js'
import { runWatchdogProcess } from './watchdog.js'

const here = new URL(import.meta.url)
/** Beside this one; an address that the bundler does not follow. */
const WORKER_FILES = { policyReaderFile: here, shardFile: new URL('shard.js', here) }

function run(args: Arguments): Promise<void> | void {
  const config = loadConfig(args)
  if (args.action === 'check') {
    const faults = checkFiles(config)
    for (const fault of faults) process.stderr.write(`${fault}\n`)
    process.exitCode = faults.length === 0 ? 0 : 1
    return
  }
  const log = pino({ level: config.log.level, base: { name: 'dpd' } }, pino.destination(2))
  const instance = instanceOf(args.instance)
  if (args.action === 'ensure') {
    closeEnforcer(os, ensureEnforcer(openContext({ instance, config, log })))
    return
  }
  if (args.action === 'watchdog') {
    return runWatchdogProcess(instance, (message) => log.warn(message)).then(() => process.exit(0))
  }
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, "dpd ends; the kernel applies each endpoint's failure setting")
    process.exit(1)
  })
  // build.mjs sets it for this thread. Workers, which begin later, are to have V8's own limit.
  setFlagsFromString('--max-semi-space-size=0')
  return startDaemon({ instance, config, log, ...WORKER_FILES })
}

async function main(argv: readonly string[]): Promise<void> {
  const args = readArguments(argv)
  if (!args.ok) {
    process.stderr.write(`dpd: ${args.message}\n${USAGE}`)
    process.exitCode = 2
  } else if (args.value.action === 'version') {
    process.stdout.write(`dpd ${PRODUCT_VERSION}\n`)
  } else if (args.value.action === 'help') {
    process.stdout.write(USAGE)
  } else {
    await run(args.value)
  }
}

function failed(error: unknown): void {
  const isConfig = error instanceof ConfigError
  const isExpected = isConfig || error instanceof InUseError
  const text = error instanceof Error ? error : new Error(String(error))
  process.stderr.write(`dpd: ${isExpected ? text.message : (text.stack ?? text.message)}\n`)
  process.exit(isConfig ? 2 : 1)
}

if (isMainThread) main(process.argv.slice(2)).catch(failed)
else runPolicyReader()
