import * as fs from 'node:fs'
import { type Config, defaultConfig, readConfig } from '../core/config.js'
import { formatDocumentError } from '../core/yaml-document.js'
import type { Arguments } from './arguments.js'

/** Names file, line and column of each problem; ends dpd with status 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

export function loadConfig({ configFile, configNamed, instance }: Arguments): Config {
  let text: string
  try {
    text = fs.readFileSync(configFile, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && !configNamed) return defaultConfig(instance)
    throw new ConfigError(`${configFile}: cannot be read: ${message}`)
  }
  const reading = readConfig({ path: configFile, text }, instance)
  if (reading.ok) return reading.value
  throw new ConfigError(reading.errors.map(formatDocumentError).join('\n'))
}
