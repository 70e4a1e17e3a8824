/** A command of the suite, with its output kept in .build/logs. */
import { spawn } from 'node:child_process'
import { createWriteStream, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const logs = join('.build', 'logs')

/** Files below a folder whose path in it matches, sorted. */
export function filesBelow(folder, pattern) {
  const names = existsSync(folder) ? readdirSync(folder, { recursive: true }) : []
  return names
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => join(folder, name))
}

/** Runs to the end with output in a log; resolves to status and text. `began` gets the process. */
export function run(name, command, args, { env = {}, began = () => {}, ...options } = {}) {
  mkdirSync(logs, { recursive: true })
  const file = join(logs, `${name.replace(/[^a-z0-9]+/gi, '-')}.log`)
  const log = createWriteStream(file)
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      ...options,
    })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (chunk) => {
        text += chunk
        log.write(chunk)
      })
    }
    child.on('error', (error) => resolve({ status: 127, signal: null, text: String(error), file }))
    child.on('close', (status, signal) =>
      log.end(() => resolve({ status: status ?? 128, signal, text, file })),
    )
    began(child)
  })
}
