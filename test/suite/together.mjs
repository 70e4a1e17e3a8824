// Test files that share a process: `FILES='FILE FILE…' node test/suite/together.mjs NAME`. tap names folders after
// the arguments, so they are few and the process's own. What its root is told after it has
// ended is lost without a status: the last assertion says that all of them were read before.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'

// Else the process could end, and tap with it, while a file is being read.
const alive = setInterval(() => {}, 2 ** 30)
for (const file of (process.env.FILES ?? '').split(' '))
  await import(pathToFileURL(resolve(file)).href)
t.test('all files were read', async (t) => t.pass())
clearInterval(alive)
