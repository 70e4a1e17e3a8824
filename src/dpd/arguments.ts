/** dpd's command line. */
import { parseArgs } from 'node:util'
import { configDirectory } from '../core/config.js'
import { DEFAULT_INSTANCE, isInstanceName } from '../core/instance.js'

export const USAGE = `usage: dpd [--instance NAME] [--config FILE] [--check | --ensure | --version]
  --instance NAME  whose paths and names are used; default ${DEFAULT_INSTANCE}
  --config FILE    default /etc/<instance>/dpd.yaml, which may be absent
  --check          read the configuration and the policies, say what is wrong, start nothing
  --ensure         make the enforcer namespace with vbr-neuv and vth-neuv, and bpffs; start nothing
  --version        print the version
`

export interface Arguments {
  readonly instance: string
  readonly configFile: string
  /** False: the default path, which may be absent. */
  readonly configNamed: boolean
  /** watchdog: started by dpd itself where the driver is `tc`. */
  readonly action: 'run' | 'check' | 'ensure' | 'watchdog' | 'version' | 'help'
}

export type ArgumentsReading =
  | { readonly ok: true; readonly value: Arguments }
  | { readonly ok: false; readonly message: string }

export function readArguments(argv: readonly string[]): ArgumentsReading {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        instance: { type: 'string', default: DEFAULT_INSTANCE },
        config: { type: 'string' },
        check: { type: 'boolean', default: false },
        ensure: { type: 'boolean', default: false },
        watchdog: { type: 'boolean', default: false },
        version: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    const { instance, config } = values
    if (!isInstanceName(instance)) {
      return {
        ok: false,
        message: `--instance ${JSON.stringify(instance)}: use 1 to 32 of A-Z a-z 0-9 _ . -`,
      }
    }
    const actions = ['version', 'help', 'check', 'ensure', 'watchdog'] as const
    const action = actions.find((name) => values[name]) ?? 'run'
    const configFile = config ?? `${configDirectory(instance)}/dpd.yaml`
    return { ok: true, value: { instance, configFile, configNamed: config !== undefined, action } }
  } catch (error) {
    return { ok: false, message: (error as Error).message }
  }
}
