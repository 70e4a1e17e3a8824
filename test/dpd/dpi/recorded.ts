/** Reads what test/fixtures/dpi/record.sh recorded. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../root.js'
import type { Send } from './send.js'

const folder = join(root, 'test/fixtures/dpi/recorded')

export const recordedNames = (): string[] =>
  readdirSync(folder)
    .map((file) => file.replace('.octets', ''))
    .sort()

export function readRecorded(name: string): Send[] {
  const lines = readFileSync(join(folder, `${name}.octets`), 'ascii')
    .trim()
    .split('\n')
  return lines.map((line) => {
    const [dir, hex = ''] = line.split(' ')
    const ended = hex === 'end'
    const octets = new Uint8Array(Buffer.from(ended ? '' : hex, 'hex'))
    return { dir: dir === 'reply' ? 'reply' : 'orig', octets, ended }
  })
}
