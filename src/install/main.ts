/** What install.sh can't do in shell: edit conflists, and give running pods their interfaces back. */
import { parseArgs } from 'node:util'
import { DEFAULT_BIN_DIR, DEFAULT_CONF_DIR } from '../core/cni/conf-intent.js'
import { DEFAULT_INSTANCE, instanceOf } from '../core/instance.js'
import { addEntry, type ConfSetting, forgetEntry, removeEntries } from './conf-entry.js'
import { releaseInstance } from './release.js'

const USAGE = `usage: add-entry|forget-entry|remove-entry [--root DIR] [--conf-dir DIR] [--bin-dir DIR] [--instance NAME]
       release [INSTANCE]
`
const say = (text: string): void => console.log(`install: ${text}`)

function confSetting(args: string[]): ConfSetting {
  const { values } = parseArgs({
    args,
    options: {
      root: { type: 'string', default: '' },
      'conf-dir': { type: 'string', default: DEFAULT_CONF_DIR },
      'bin-dir': { type: 'string', default: DEFAULT_BIN_DIR },
      instance: { type: 'string', default: DEFAULT_INSTANCE },
    },
  })
  const { root, instance } = values
  const directories = { confDir: values['conf-dir'], binDir: values['bin-dir'] }
  return { root, ...directories, instance: instanceOf(instance), say }
}

function run([command, ...args]: string[]): number {
  switch (command) {
    case 'add-entry':
      addEntry(confSetting(args))
      return 0
    case 'forget-entry':
      forgetEntry(confSetting(args))
      return 0
    case 'remove-entry':
      removeEntries(confSetting(args))
      return 0
    case 'release':
      return releaseInstance(instanceOf(args[0] ?? DEFAULT_INSTANCE), say)
    default:
      console.error(USAGE)
      return 2
  }
}

process.exitCode = run(process.argv.slice(2))
