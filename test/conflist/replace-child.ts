/** Our entry in and out of one list, without end: to be killed. */
import { readFileSync } from 'node:fs'
import { replaceList, settleLeftovers } from '../../src/conflist/replace.js'
import { appendEntry, removeEntry } from '../../src/core/cni/conflist.js'
import { os } from '../../src/intercept/addon.js'

const [dir = '', path = ''] = process.argv.slice(2)
if (settleLeftovers(dir).length > 0) throw new Error("the leftover is nobody else's")
process.stdout.write('started\n')
for (;;) {
  const text = readFileSync(path, 'utf8')
  const added = appendEntry(text)
  const edit = added.kind === 'changed' ? added : removeEntry(text)
  if (edit.kind !== 'changed' || !replaceList(os, path, text, edit.text)) {
    throw new Error(`${edit.kind}: ${text}`)
  }
}
