/** What install.sh was asked to do with the CNI configuration, for dpd to keep: conflist.json below /var/lib. */
import * as z from 'zod/mini'
import { DEFAULT_INSTANCE } from '../instance.js'
import { type Entry, PLUGIN_TYPE } from './conflist.js'

const absolutePath = z.string().check(z.startsWith('/'))

const intentSchema = z.object({
  schema: z.literal(1),
  confDir: absolutePath,
  /** Where runtimes look for the plugin's binary. */
  binDir: absolutePath,
  /** Our entry as last seen in a list: an operator's keys outlive the list. */
  entry: z.looseObject({ type: z.literal(PLUGIN_TYPE) }),
})
export type ConfIntent = Readonly<z.infer<typeof intentSchema>>

export const DEFAULT_CONF_DIR = '/etc/cni/net.d'
export const DEFAULT_BIN_DIR = '/opt/cni/bin'

/** The intent, or why the text is none. */
export function readIntentText(text: string): ConfIntent | string {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return 'not JSON'
  }
  const parsed = intentSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  return `not a state file of this version: ${issue?.path.join('.')}: ${issue?.message}`
}

export function intentText(
  intent: Omit<ConfIntent, 'schema' | 'entry'> & { entry: Entry },
): string {
  const { confDir, binDir, entry } = intent
  return `${JSON.stringify({ schema: 1, confDir, binDir, entry })}\n`
}

export function bareEntry(instance: string): Entry {
  return instance === DEFAULT_INSTANCE ? { type: PLUGIN_TYPE } : { type: PLUGIN_TYPE, instance }
}
