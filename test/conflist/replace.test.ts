/** What stands in a list after a replacement that somebody else interferes with. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { replaceList, settleLeftovers } from '../../src/conflist/replace.js'
import { appendEntry } from '../../src/core/cni/conflist.js'
import { os } from '../../src/intercept/addon.js'
import { OsError } from '../../src/intercept/os.js'

t.setTimeout(process.env.SOAK === '1' ? 600_000 : 120_000)
const OURS = { type: 'vethwall' }
const list = (...plugins: object[]): string =>
  JSON.stringify({ cniVersion: '1.0.0', name: 'pods', plugins })
const READ = list({ type: 'bridge' })
const TEXT = list({ type: 'bridge' }, OURS)

function confDir(t: Test): { dir: string; path: string } {
  const dir = mkdtempSync(join(tmpdir(), 'vethwall-replace-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const path = join(dir, '10-pods.conflist')
  writeFileSync(path, READ)
  return { dir, path }
}

/** The real call, after what another did at that very moment: once for each exchange. */
function interfered(...acts: readonly (() => void)[]) {
  const left = [...acts]
  return {
    renameExchange(a: string, b: string): void {
      left.shift()?.()
      os.renameExchange(a, b)
    },
  }
}

function rename(path: string, text: string): void {
  writeFileSync(`${path}.primary`, text)
  renameSync(`${path}.primary`, path)
}

t.test('replaced: mode, owner and link are kept, nothing is left beside', async (t) => {
  const { dir, path } = confDir(t)
  chmodSync(path, 0o640)
  chownSync(path, 4711, 4712)
  const link = join(dir, '05-link.conflist')
  symlinkSync(path, link)
  t.ok(replaceList(os, link, READ, TEXT))
  t.equal(readFileSync(path, 'utf8'), TEXT)
  const { mode, uid, gid } = statSync(path)
  t.same([mode & 0o7777, uid, gid], [0o640, 4711, 4712])
  t.same(readdirSync(dir).sort(), ['05-link.conflist', '10-pods.conflist'])
})

t.test('the newest list wins, whenever and however it was written', async (t) => {
  const [A, B, C] = ['a', 'b', 'c'].map((type) => list({ type })) as [string, string, string]
  const cases = (path: string): Readonly<Record<string, readonly (() => void)[]>> => ({
    'renamed into place before the exchange': [() => rename(path, C)],
    'written in place before the exchange': [() => writeFileSync(path, C)],
    'again before it goes back': [() => rename(path, B), () => rename(path, C)],
    'and again': [() => rename(path, A), () => writeFileSync(path, B), () => rename(path, C)],
  })
  for (const name of Object.keys(cases(''))) {
    const { dir, path } = confDir(t)
    t.notOk(replaceList(interfered(...(cases(path)[name] ?? [])), path, READ, TEXT), name)
    t.equal(readFileSync(path, 'utf8'), C, name)
    t.same(readdirSync(dir), ['10-pods.conflist'], name)
  }
})

t.test('a writer in its middle goes on in the file that it has open', async (t) => {
  const { path } = confDir(t)
  const half = READ.slice(0, 20)
  t.notOk(
    replaceList(
      interfered(() => writeFileSync(path, half)),
      path,
      READ,
      TEXT,
    ),
  )
  const inode = statSync(path).ino
  t.equal(readFileSync(path, 'utf8'), half)
  writeFileSync(path, READ)
  t.equal(statSync(path).ino, inode)
})

t.test('what was deleted is not made again', async (t) => {
  for (const acts of [1, 2]) {
    const { dir, path } = confDir(t)
    const before = acts === 1 ? [] : [() => rename(path, list({ type: 'a' }))]
    t.notOk(
      replaceList(
        interfered(...before, () => unlinkSync(path)),
        path,
        READ,
        TEXT,
      ),
    )
    t.same(readdirSync(dir), [])
    t.notOk(replaceList(os, path, READ, TEXT), 'nor later')
    t.same(readdirSync(dir), [])
  }
})

t.test('a file system without exchange', async (t) => {
  const none = (act: () => void) => ({
    renameExchange(_a: string, b: string): void {
      act()
      throw new OsError('EINVAL', 22, 'renameat2', b)
    },
  })
  const { dir, path } = confDir(t)
  const newer = list({ type: 'c' })
  t.notOk(
    replaceList(
      none(() => rename(path, newer)),
      path,
      READ,
      TEXT,
    ),
  )
  t.equal(readFileSync(path, 'utf8'), newer)
  t.ok(
    replaceList(
      none(() => {}),
      path,
      newer,
      TEXT,
    ),
  )
  t.equal(readFileSync(path, 'utf8'), TEXT)
  t.same(readdirSync(dir), ['10-pods.conflist'])
})

t.test('what a kill left beside a list', async (t) => {
  const { dir, path } = confDir(t)
  const beside = `${path}.vethwall-new`
  writeFileSync(beside, TEXT)
  t.same(settleLeftovers(dir), [], 'killed before the exchange')
  writeFileSync(beside, READ)
  writeFileSync(path, TEXT)
  t.same(settleLeftovers(dir), [], 'killed after it')
  t.notOk(existsSync(beside))
  writeFileSync(beside, TEXT.slice(0, 9))
  t.same(settleLeftovers(dir), [], 'killed while it wrote')
  t.same(readdirSync(dir), ['10-pods.conflist'])
  writeFileSync(beside, list({ type: 'c' }))
  t.same(settleLeftovers(dir), [`${beside}.bad`], "the primary's, that nobody has looked at")
  t.equal(readFileSync(path, 'utf8'), TEXT)
  t.equal(readFileSync(`${beside}.bad`, 'utf8'), list({ type: 'c' }))
  t.same(settleLeftovers(join(dir, 'none')), [])
})

t.test('killed at any moment: the list is whole, with our entry or without', async (t) => {
  const { dir, path } = confDir(t)
  const kills = process.env.SOAK === '1' ? 100 : 4
  const child = fileURLToPath(new URL('./replace-child.js', import.meta.url))
  for (let i = 0; i < kills; i++) {
    const victim = spawn(process.execPath, [child, dir, path])
    await new Promise((resolve) => victim.stdout.once('data', resolve))
    // No condition to wait for: each kill is to hit another moment.
    await new Promise((resolve) => setTimeout(resolve, (i * 7) % 50))
    victim.kill('SIGKILL')
    const [status] = await once(victim, 'close')
    t.equal(status, null, 'it ran until it was killed')
    t.ok([READ, TEXT].includes(readFileSync(path, 'utf8')))
  }
  t.same(settleLeftovers(dir), [])
  t.same(readdirSync(dir), ['10-pods.conflist'])
})

/** Writes numbered lists as fast as it can, and looks whether the newest is what stands there afterwards. */
const WRITER = `
import json, os, sys, time
path, kind, end = sys.argv[1], sys.argv[2], time.monotonic() + float(sys.argv[3])
n = 0
def serial():
    try:
        with open(path) as f: return json.load(f)['serial']
    except (ValueError, FileNotFoundError): return None
while time.monotonic() < end:
    n += 1
    text = json.dumps({'cniVersion': '1.0.0', 'name': 'pods', 'serial': n, 'plugins': [{'type': 'bridge'}]})
    target = path if kind == 'in place' else path + '.primary'
    with open(target, 'w') as f: f.write(text)
    if kind != 'in place': os.rename(target, path)
    deadline = time.monotonic() + 2
    while serial() != n:
        if time.monotonic() > deadline: sys.exit(f'list {n} is lost, {serial()} is there')
print(n)
`

t.test('a writer that never rests loses nothing', async (t) => {
  const seconds = process.env.SOAK === '1' ? 30 : 1
  for (const kind of ['renames', 'in place']) {
    const { dir, path } = confDir(t)
    const writer = spawn('python3', ['-c', WRITER, path, kind, String(seconds)])
    let said = ''
    for (const stream of [writer.stdout, writer.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        said += chunk
      })
    }
    const ended = new Promise<number | null>((resolve) => writer.on('close', resolve))
    const counts = { replaced: 0, changed: 0 }
    while (writer.exitCode === null) {
      await new Promise(setImmediate)
      const read = readFileSync(path, 'utf8')
      const edit = appendEntry(read)
      if (edit.kind !== 'changed') continue
      counts[replaceList(os, path, read, edit.text) ? 'replaced' : 'changed']++
    }
    t.equal(await ended, 0, `${kind}: ${said}`)
    t.ok(counts.replaced > 0, `${kind}: ${JSON.stringify(counts)} of ${said.trim()}`)
    t.equal(JSON.parse(readFileSync(path, 'utf8')).serial, Number(said), 'the last one stands')
    t.same(readdirSync(dir), ['10-pods.conflist'])
  }
})
