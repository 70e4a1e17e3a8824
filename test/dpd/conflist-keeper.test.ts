/** The keeper on real files, with a clock of its own. */
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readIntent, writeIntent } from '../../src/conflist/intent-file.js'
import { bareEntry } from '../../src/core/cni/conf-intent.js'
import { ConflistKeeper } from '../../src/dpd/conflist-keeper.js'
import { RepairPace } from '../../src/dpd/repair-pace.js'
import { os } from '../../src/intercept/addon.js'
import { type Os, OsError } from '../../src/intercept/os.js'

const OURS = { type: 'vethwall' }
const list = (...types: (string | object)[]): string =>
  JSON.stringify({
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: types.map((type) => (typeof type === 'string' ? { type } : type)),
  })
const PLAIN = list('bridge')
const CARRYING = list('bridge', OURS)

class World {
  readonly dir = mkdtempSync(join(tmpdir(), 'vethwall-keeper-'))
  readonly confDir = join(this.dir, 'net.d')
  readonly binDir = join(this.dir, 'bin')
  readonly stateDir = join(this.dir, 'state')
  readonly log: string[] = []
  nowMs = 1_000_000
  readonly keeper: ConflistKeeper

  constructor(t: Test, calls: Pick<Os, 'flock' | 'renameExchange'> = os) {
    t.teardown(() => rmSync(this.dir, { recursive: true, force: true }))
    for (const dir of [this.confDir, this.binDir, this.stateDir]) mkdirSync(dir)
    writeFileSync(join(this.binDir, 'vethwall'), '#!/bin/sh\n', { mode: 0o755 })
    writeIntent(this.stateDir, { ...this, entry: bareEntry('vethwall') })
    const note = (message: string): void => void this.log.push(message)
    this.keeper = new ConflistKeeper({
      os: calls,
      instance: { name: 'vethwall', stateDir: this.stateDir },
      nowMs: () => this.nowMs,
      info: note,
      warn: note,
    })
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.confDir, name), text)
  }

  read(name: string): string {
    return readFileSync(join(this.confDir, name), 'utf8')
  }

  /** As the daemon does: looks when a look is due. */
  pass(ms: number): void {
    const end = this.nowMs + ms
    for (let dueMs = this.keeper.look(); this.nowMs + dueMs <= end; dueMs = this.keeper.look()) {
      this.nowMs += dueMs
    }
    this.nowMs = end
  }
}

t.test('put back with the keys it had; said once, counted', async (t) => {
  const world = new World(t)
  const keyed = list('bridge', { ...OURS, failure: 'closed', mine: { b: 1, a: 2 } })
  world.write('10.conflist', keyed)
  world.keeper.look()
  t.same([world.keeper.repaired, world.log], [0, []], 'nothing to do, nothing to say')
  world.write('10.conflist', PLAIN)
  world.pass(20_000)
  t.equal(world.read('10.conflist'), keyed)
  t.equal(world.keeper.repaired, 1)
  t.match(world.log, [/10\.conflist: vethwall's entry was missing: appended/])
  t.equal(world.log.length, 1)
  t.same(world.keeper.findings, [])
  t.same(readdirSync(world.confDir), ['10.conflist'])
})

t.test('without an intent nothing is touched; a damaged one is reported', async (t) => {
  const world = new World(t)
  const path = join(world.stateDir, 'conflist.json')
  world.write('10.conflist', PLAIN)
  const text = readFileSync(path)
  for (const bad of [text.subarray(0, 9), Buffer.alloc(text.length), Buffer.alloc(0)]) {
    writeFileSync(path, bad)
    world.keeper.look()
    world.keeper.look()
    t.match(world.keeper.findings, [/conflist\.json: not JSON.*install\.sh/])
  }
  t.equal(world.log.length, 1, 'once')
  rmSync(path)
  world.keeper.look()
  t.same([world.keeper.findings, world.read('10.conflist')], [[], PLAIN])
  writeIntent(world.stateDir, { ...world, entry: OURS })
  world.keeper.look()
  t.equal(world.read('10.conflist'), CARRYING, 'an intent that comes later')
})

t.test('no list, no directory: reported when it stays so, and kept from then on', async (t) => {
  const world = new World(t)
  rmSync(world.confDir, { recursive: true })
  world.pass(2900)
  t.same(world.keeper.findings, [])
  world.pass(200)
  t.match(world.keeper.findings, [/no valid CNI configuration/])
  mkdirSync(world.confDir)
  world.write('10.conflist', PLAIN)
  world.pass(0)
  t.equal(world.read('10.conflist'), CARRYING)
  t.same(world.keeper.findings, [])
  t.match(world.log, [/no valid/, /appended/, /nothing is the matter/])
})

t.test('not whole: never touched, nor is the list behind it before that is sure', async (t) => {
  const world = new World(t)
  world.write('10.conflist', CARRYING)
  world.write('20.conflist', PLAIN)
  world.pass(0)
  for (const half of ['', CARRYING.slice(0, 30)]) {
    world.write('10.conflist', half)
    world.pass(2900)
    t.same([world.read('10.conflist'), world.read('20.conflist')], [half, PLAIN])
    t.same(world.keeper.findings, [], 'a writer may be in its middle')
    world.write('10.conflist', PLAIN)
    world.pass(0)
    t.equal(world.read('10.conflist'), CARRYING, 'whole again')
    world.nowMs += 600_000
  }
  world.write('10.conflist', '')
  world.pass(3100)
  t.equal(world.read('10.conflist'), '')
  t.equal(world.read('20.conflist'), CARRYING, 'now this one counts')
  t.match(world.keeper.findings, [/10\.conflist: it is empty\..*remove it/])
  t.equal(world.log.filter((line) => line.includes('it is empty')).length, 1)
})

t.test('octets that are no UTF-8 would not survive us', async (t) => {
  const world = new World(t)
  const octets = Buffer.from(PLAIN.replace('pods', 'p\u00f6ds'), 'latin1')
  writeFileSync(join(world.confDir, '10.conflist'), octets)
  world.pass(3100)
  t.same(readFileSync(join(world.confDir, '10.conflist')), octets)
  t.match(world.keeper.findings[0], /10\.conflist: it cannot be read/)
})

t.test('a list that is deleted and made again', async (t) => {
  const world = new World(t)
  world.write('10.conflist', CARRYING)
  world.write('20.conflist', PLAIN)
  world.pass(0)
  rmSync(join(world.confDir, '10.conflist'))
  world.pass(2900)
  t.same(readdirSync(world.confDir), ['20.conflist'], 'not made by us')
  t.equal(world.read('20.conflist'), PLAIN)
  world.write('10.conflist', PLAIN)
  world.pass(0)
  t.same([world.read('10.conflist'), world.read('20.conflist')], [CARRYING, PLAIN])
  world.write('05.conflist', PLAIN)
  world.pass(0)
  t.equal(world.read('05.conflist'), CARRYING, 'one that comes before is taken at once')
})

t.test('what cannot carry us', async (t) => {
  const cases: readonly [string, string, RegExp][] = [
    ['05.conf', '{"name":"x","type":"bridge"}', /05\.conf: runtimes take it first.*removed/],
    ['05.conflist', list(OURS), /05\.conflist: .*no primary plugin.*unprotected/],
    ['05.conflist', list('a', { ...OURS, instance: 'b' }), /of instance b: correct/],
  ]
  for (const [name, text, finding] of cases) {
    const world = new World(t)
    world.write('10.conflist', PLAIN)
    world.write(name, text)
    world.pass(3100)
    t.match(world.keeper.findings, [finding])
    t.same([world.read(name), world.read('10.conflist')], [text, PLAIN])
  }
})

t.test('no binary: reported; no list is made to name it', async (t) => {
  const world = new World(t)
  const binary = join(world.binDir, 'vethwall')
  chmodSync(binary, 0o644)
  world.write('10.conflist', PLAIN)
  world.pass(0)
  t.match(world.keeper.findings, [/bin\/vethwall is missing.*install\.sh/])
  t.equal(world.read('10.conflist'), PLAIN)
  chmodSync(binary, 0o755)
  world.pass(5000)
  t.equal(world.read('10.conflist'), CARRYING, 'seen without an event')
  rmSync(binary)
  world.pass(5000)
  t.match(world.keeper.findings, [/is missing/])
  t.equal(world.read('10.conflist'), CARRYING)
})

t.test('another who takes it out each time: at most once a minute, and few words', async (t) => {
  const world = new World(t)
  const longMs = 600_000
  for (const end = world.nowMs + longMs; world.nowMs < end; world.nowMs += 2000) {
    world.write('10.conflist', PLAIN)
    world.keeper.look()
  }
  t.ok(world.keeper.repaired > 10 && world.keeper.repaired < 18, `${world.keeper.repaired} times`)
  t.ok(world.log.length < 8, `${world.log.length} lines`)
  t.match(world.keeper.findings, [/10\.conflist: something takes .* again and again/])
  world.pass(60_000)
  t.equal(world.read('10.conflist'), CARRYING)
  world.pass(longMs)
  t.same(world.keeper.findings, [], 'it has given up')
  world.write('10.conflist', PLAIN)
  world.pass(0)
  t.equal(world.read('10.conflist'), CARRYING, 'at once again')
})

t.test('a file that cannot be written', async (t) => {
  let isBroken = true
  const world = new World(t, {
    flock: os.flock,
    renameExchange(a: string, b: string): void {
      if (isBroken) throw new OsError('EIO', 5, 'renameat2', b)
      os.renameExchange(a, b)
    },
  })
  world.write('10.conflist', PLAIN)
  world.pass(20_000)
  t.match(world.keeper.findings, [/net\.d cannot be kept: renameat2 .*EIO.*writable/])
  t.same([world.read('10.conflist'), world.keeper.repaired, world.log.length], [PLAIN, 0, 1])
  isBroken = false
  world.pass(5000)
  t.same([world.read('10.conflist'), world.keeper.findings], [CARRYING, []])
  t.same(readdirSync(world.confDir), ['10.conflist'])
})

t.test('the pace', async (t) => {
  let nowMs = 0
  const pace = new RepairPace(() => nowMs)
  const waits: number[] = []
  for (let i = 0; i < 12; i++) {
    waits.push(pace.waitMs('a'))
    nowMs += pace.waitMs('a')
    pace.repaired('a')
  }
  const seconds = [0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]
  t.same(
    waits,
    seconds.map((s) => s * 1000),
  )
  t.equal(pace.waitMs('b'), 0, 'each file has its own')
})

t.test('while install.sh has its turn', async (t) => {
  const world = new World(t)
  world.write('10.conflist', PLAIN)
  const fd = openSync(world.stateDir, 'r')
  t.ok(os.flock(fd, 0))
  t.ok(world.keeper.look() <= 200, 'asks again soon')
  t.equal(world.read('10.conflist'), PLAIN)
  rmSync(join(world.stateDir, 'conflist.json'))
  closeSync(fd)
  world.pass(1000)
  t.equal(world.read('10.conflist'), PLAIN, 'the uninstaller was first')
  t.equal(readIntent(world.stateDir).kind, 'absent')
})
