/**
 * `node --import kill.js PROGRAM`: the program is killed before or after its n-th call through the addon or
 * change of a file, as KILL_AT (`before 7`) says. One that ends by itself tells which there were.
 */
import { writeSync } from 'node:fs'
import { Points } from './points.js'

const [when = '', number = ''] = (process.env.KILL_AT ?? '').split(' ')
const points = new Points((process.env.KILL_FOLDERS ?? '').split(':'))
const kinds: string[] = []

const tell = (): number => writeSync(2, `calls: ${kinds.join()}\n`)

points.always((kind, _args, run) => {
  // The last one: nothing of Node's is heard after it.
  if (kind === 'exit') {
    tell()
    return run()
  }
  kinds.push(kind)
  if (kinds.length !== Number(number)) return run()
  if (when === 'after') run()
  process.kill(process.pid, 'SIGKILL')
  throw new Error('SIGKILL came late')
})

const load = process.dlopen
process.dlopen = (module, ...more) => {
  load.call(process, module, ...more)
  points.replaceAddon((module as { exports: Record<string, unknown> }).exports)
}

process.on('exit', tell)
