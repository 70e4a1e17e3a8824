/** The plugin's composition root: one call of the runtime. */
import { readFileSync, writeSync } from 'node:fs'
import { PRODUCT_VERSION } from '../core/product-version.js'
import { os } from '../intercept/addon.js'
import { dispatch } from './dispatch.js'
import { depsOf } from './world.js'

const warn = (message: string): void => {
  writeSync(2, `vethwall: ${message}\n`)
}

/** What can't be read is an empty one. */
function readStdin(): string {
  try {
    return readFileSync(0, 'utf8')
  } catch {
    return ''
  }
}

async function main(): Promise<void> {
  if (process.argv[2] === '--version') {
    writeSync(1, `vethwall ${PRODUCT_VERSION}\n`)
    return
  }
  let exit: (status: number) => never = process.exit
  const { status, stdout, stderr } = await dispatch({
    env: process.env,
    stdin: readStdin,
    deps: (config) => {
      exit = os.exit
      return depsOf({ os, warn }, config)
    },
  })
  // Nothing that is left to an event loop would be written.
  if (stderr !== '') writeSync(2, stderr)
  if (stdout !== '') writeSync(1, stdout)
  exit(status)
}

// No await here: the bundle is CommonJS, which starts faster.
void main()
