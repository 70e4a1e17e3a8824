/**
 * The program that a launcher runs: the bundle beside it, from V8's cache of its code, since compiling takes
 * longer than Node's own start. A cache for another Node or processor is refused by V8, and all is compiled;
 * of the bundle V8 compares the length only, so whoever writes a bundle writes its cache.
 */
import fs = require('node:fs')
import path = require('node:path')
import vm = require('node:vm')

type Main = (req: NodeJS.Require, mod: object, exp: object, file: string, dir: string) => void

const BUNDLE = path.join(__dirname, 'plugin.js')
const CACHE = path.join(__dirname, 'plugin.cache')

/** One function, in ASCII: build.mjs sees to that. */
function script(cachedData?: Buffer): vm.Script {
  const text = fs.readFileSync(BUNDLE, 'latin1')
  return new vm.Script(text, { filename: BUNDLE, ...(cachedData && { cachedData }) })
}

function run(bundle: vm.Script): void {
  const main = bundle.runInThisContext() as Main
  main(require, module, exports, BUNDLE, __dirname)
}

/** Of what is compiled by then: loading the bundle, and `--version`. All of it would take longer to read. */
function writeCache(): void {
  const bundle = script()
  process.argv[2] = '--version'
  run(bundle)
  const fd = fs.openSync(`${CACHE}.new`, 'w')
  fs.writeFileSync(fd, bundle.createCachedData())
  fs.fsyncSync(fd)
  fs.closeSync(fd)
  fs.renameSync(`${CACHE}.new`, CACHE)
}

function readCache(): Buffer | undefined {
  try {
    return fs.readFileSync(CACHE)
  } catch {
    return undefined
  }
}

if (process.argv[2] === '--write-cache') writeCache()
else run(script(readCache()))
