/** What install.sh can't do in shell: edit conflists, and give running pods their interfaces back. */
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { appendEntry, conflistProblem, removeEntry, sameJson } from '../core/cni/conflist.js'
import { DEFAULT_INSTANCE, instanceOf } from '../core/instance.js'
import { writeStateFile } from '../intercept/state-file.js'
import { releaseInstance } from './release.js'

/** Not .conf, .conflist or .json: no runtime reads it. */
const ORIGINAL_SUFFIX = '.vethwall-original'

const say = (text: string): void => console.log(`install: ${text}`)

function conflists(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => name.endsWith('.conflist'))
    .sort()
    .map((name) => join(dir, name))
}

/** The first one in lexical order that can carry us, as runtimes choose theirs. */
function addEntry(dir: string): number {
  for (const path of conflists(dir)) {
    const text = readFileSync(path, 'utf8')
    const problem = conflistProblem(text)
    if (problem !== null) {
      say(`${path}: passed over: ${problem}`)
      continue
    }
    const edit = appendEntry(text)
    if (edit.kind === 'changed') {
      if (!existsSync(path + ORIGINAL_SUFFIX)) copyFileSync(path, path + ORIGINAL_SUFFIX)
      writeStateFile(path, edit.text, 0o644)
    }
    say(`${path}: ${edit.kind === 'changed' ? 'vethwall appended' : 'vethwall is there already'}`)
    return 0
  }
  say(
    `no conflist in ${dir} to append to: run install.sh again when the primary CNI has written its own`,
  )
  return 0
}

/** From every list; where nothing else changed since, the original's very octets come back. */
function removeEntries(dir: string): number {
  for (const path of conflists(dir)) {
    const edit = removeEntry(readFileSync(path, 'utf8'))
    if (edit.kind !== 'changed') continue
    const original = path + ORIGINAL_SUFFIX
    const kept = existsSync(original) ? readFileSync(original, 'utf8') : null
    writeStateFile(path, kept !== null && sameJson(kept, edit.text) ? kept : edit.text, 0o644)
    rmSync(original, { force: true })
    say(`${path}: vethwall removed`)
  }
  return 0
}

const [command, argument] = process.argv.slice(2)
switch (command) {
  case 'add-entry':
    process.exitCode = addEntry(argument ?? '/etc/cni/net.d')
    break
  case 'remove-entry':
    process.exitCode = removeEntries(argument ?? '/etc/cni/net.d')
    break
  case 'release':
    process.exitCode = releaseInstance(instanceOf(argument ?? DEFAULT_INSTANCE), say)
    break
  default:
    console.error('usage: add-entry|remove-entry [DIR], release [INSTANCE]')
    process.exitCode = 2
}
