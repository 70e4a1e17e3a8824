/**
 * The program that a launcher runs: the bundle beside it, from V8's cache of its code, since compiling takes
 * longer than Node's own start. A cache for another Node or processor is refused by V8, and all is compiled;
 * of a bundle V8 compares the length only, so whoever writes a bundle writes its cache.
 */
import fs = require('node:fs')
import path = require('node:path')
import vm = require('node:vm')

type Wrapper = (
  req: Require,
  mod: { exports: object },
  exp: object,
  file: string,
  dir: string,
) => void
type Require = (name: string) => unknown
type Zod = Readonly<Record<string, unknown>> & { lazy(make: () => object): object }

/** A bundle is one function, in ASCII: build.mjs sees to that. */
class Bundle {
  readonly #path: string
  #script: vm.Script | undefined

  constructor(private readonly name: string) {
    this.#path = path.join(__dirname, `${name}.js`)
  }

  run(isCached: boolean, requireFor: Require): object {
    const text = fs.readFileSync(this.#path, 'latin1')
    const cachedData = isCached ? readOrNothing(this.#cachePath) : undefined
    const script = new vm.Script(text, { filename: this.#path, ...(cachedData && { cachedData }) })
    this.#script = script
    const mod = { exports: {} }
    const wrapper = script.runInThisContext() as Wrapper
    wrapper(requireFor, mod, mod.exports, this.#path, __dirname)
    return mod.exports
  }

  /** Of what is compiled by then. */
  writeCache(): void {
    if (this.#script === undefined) throw new Error(`${this.name}: to be run first`)
    const fd = fs.openSync(`${this.#cachePath}.new`, 'w')
    fs.writeFileSync(fd, this.#script.createCachedData())
    fs.fsyncSync(fd)
    fs.closeSync(fd)
    fs.renameSync(`${this.#cachePath}.new`, this.#cachePath)
  }

  get #cachePath(): string {
    return path.join(__dirname, `${this.name}.cache`)
  }
}

function readOrNothing(file: string): Buffer | undefined {
  try {
    return fs.readFileSync(file)
  } catch {
    return undefined
  }
}

const plugin = new Bundle('plugin')
const zodBundle = new Bundle('zod')
let zod: Zod | undefined

/** Loaded by the first schema that is looked at: an ADD finds no state of its pod, and looks at none. */
function loadedZod(isCached = true): Zod {
  zod ??= zodBundle.run(isCached, require) as Zod
  return zod
}

/** What looks like `make()` and makes it when it is looked at. */
function deferred<T extends object>(make: () => T): T {
  return new Proxy({} as T, { get: (_, key) => Reflect.get(make(), key) })
}

function lazySchema(make: () => object): object {
  let schema: object | undefined
  return deferred(() => {
    schema ??= loadedZod().lazy(make)
    return schema
  })
}

const lazyZod = new Proxy({} as Zod, {
  get: (_, key) =>
    key === 'lazy' && zod === undefined ? lazySchema : Reflect.get(loadedZod(), key),
})

const requireLazily: Require = (name) => (name === 'zod/mini' ? lazyZod : require(name))

/** Loading both and `--version`. All that an ADD comes by would take longer to read. */
function writeCaches(): void {
  process.argv[2] = '--version'
  loadedZod(false)
  plugin.run(false, requireLazily)
  for (const bundle of [plugin, zodBundle]) bundle.writeCache()
}

if (process.argv[2] === '--write-cache') writeCaches()
else plugin.run(true, requireLazily)
