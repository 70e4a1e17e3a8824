/**
 * The node's conflist under a primary that does what primaries do, before the real dpd: it keeps its own
 * entry and nothing else. Each scenario has a list of its own, before all the others in lexical order.
 */
import { spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { exec, Node, until } from '../node.js'
import { ENDS_WITH_US } from '../process.js'
import { root } from '../root.js'

t.setTimeout(180_000)
const OURS = { type: 'vethwall' }

class Primary {
  constructor(
    readonly node: Node,
    readonly confDir = join(node.dir, 'net.d'),
  ) {}

  path(name: string): string {
    return join(this.confDir, name)
  }

  /** A vendor's list: tabs, a number that JavaScript can't hold, keys of its own. */
  text(...plugins: readonly object[]): string {
    const entries = plugins.map((plugin) => `\t\t${JSON.stringify(plugin)}`)
    return `{\n\t"cniVersion": "0.4.0", "name": "pods",\n\t"big": 9007199254740993,\n\t"plugins": [\n${entries.join(',\n')}\n\t]\n}\n`
  }

  get plain(): string {
    return this.text({ type: 'bridge' }, { type: 'portmap', snat: true })
  }

  rename(name: string, text: string): void {
    writeFileSync(`${this.path(name)}.tmp`, text)
    renameSync(`${this.path(name)}.tmp`, this.path(name))
  }

  inPlace(name: string, text: string): void {
    writeFileSync(this.path(name), text)
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8')
  }

  /** With our entry last, and but for that as the primary wrote it. */
  async isKept(name: string, entry: object = this.ours): Promise<void> {
    await until(`${name} has the entry`, () => this.read(name).includes('vethwall'))
    const lines = JSON.stringify(entry, null, 2).replaceAll('\n', '\n\t\t')
    const want = this.plain.replace(/\n\t\]/, `,\n\t\t${lines}\n\t]`)
    if (this.read(name) !== want) throw new Error(`${name}: ${this.read(name)}`)
  }

  get ours() {
    return { ...OURS, instance: this.node.instance.name }
  }

  entry(command: string) {
    return exec(process.execPath, [
      ...[join(root, 'dist', 'install', 'index.js'), command],
      ...['--instance', this.node.instance.name],
      ...['--conf-dir', this.confDir, '--bin-dir', join(this.node.dir, 'bin')],
    ])
  }

  /** What dpctl status says; '' = nothing is the matter. */
  async finds(pattern: RegExp): Promise<void> {
    await until(`a finding ${pattern}`, async () => {
      const status = (await this.node.api('/v1/status')) as { findings?: string[] } | null
      return pattern.test(status?.findings?.join('\n') ?? 'no answer')
    })
  }

  log(): string {
    return readFileSync(join(this.node.dir, 'dpd.log'), 'utf8')
  }

  async logs(pattern: RegExp): Promise<void> {
    await until(`dpd logs ${pattern}`, () => pattern.test(this.log()))
  }

  /** The one list that stays: every other goes. */
  only(name: string): void {
    for (const other of readdirSync(this.confDir)) if (other !== name) rmSync(this.path(other))
  }
}

t.test('dpd keeps its own entry', async (t) => {
  const node = new Node({ name: `vwcl${process.pid}` })
  t.teardown(() => node.close())
  const primary = new Primary(node)

  await t.test('installed before there is a primary', async (t) => {
    const added = await primary.entry('add-entry')
    t.match(added, { status: 0, stdout: /no conflist to append to: dpd appends/ }, added.stderr)
    t.notOk(existsSync(primary.confDir), 'nothing is made')
    await node.startDpd()
    await primary.finds(/no valid CNI configuration/)
    t.match(await node.dpctl('status'), { status: 1, stdout: /finding: .*no valid CNI/ })
    mkdirSync(primary.confDir)
    primary.inPlace('90.conflist', primary.plain)
    await primary.isKept('90.conflist')
    await primary.finds(/^$/)
  })

  const keyed = { ...primary.ours, failure: 'closed' }
  await t.test('rewritten in one rename: back with its keys, mode and owner', async (t) => {
    primary.rename('80.conflist', primary.text({ type: 'bridge' }, keyed))
    const intent = join(node.instance.stateDir, 'conflist.json')
    await until('the keys are remembered', () => readFileSync(intent, 'utf8').includes('closed'))
    writeFileSync(`${primary.path('80.conflist')}.tmp`, primary.plain)
    chmodSync(`${primary.path('80.conflist')}.tmp`, 0o640)
    renameSync(`${primary.path('80.conflist')}.tmp`, primary.path('80.conflist'))
    await primary.isKept('80.conflist', keyed)
    t.equal(statSync(primary.path('80.conflist')).mode & 0o777, 0o640)
    await primary.logs(/80\.conflist: vethwall's entry was missing: appended/)
  })

  await t.test('written in place', async () => {
    primary.inPlace('75.conflist', primary.text(OURS))
    primary.inPlace('75.conflist', primary.plain)
    await primary.isKept('75.conflist', keyed)
    primary.inPlace('75.conflist', primary.plain)
    await primary.isKept('75.conflist', keyed)
  })

  await t.test('emptied, then half-written, then whole again', async (t) => {
    primary.rename('70.conflist', primary.plain)
    await primary.isKept('70.conflist', keyed)
    primary.only('70.conflist')
    primary.inPlace('70.conflist', '')
    await primary.finds(/70\.conflist: it is empty/)
    t.equal(primary.read('70.conflist'), '', 'never filled by us')
    primary.inPlace('70.conflist', primary.plain.slice(0, 40))
    primary.inPlace('70.conflist', primary.plain)
    await primary.isKept('70.conflist', keyed)
    await primary.finds(/^$/)
  })

  await t.test('deleted and made again', async () => {
    rmSync(primary.path('70.conflist'))
    primary.inPlace('60.conflist', primary.plain)
    await primary.isKept('60.conflist', keyed)
    rmSync(primary.path('60.conflist'))
    primary.inPlace('60.conflist', primary.plain)
    await primary.isKept('60.conflist', keyed)
  })

  await t.test('the whole directory replaced', async () => {
    renameSync(primary.confDir, `${primary.confDir}.old`)
    mkdirSync(primary.confDir)
    primary.inPlace('50.conflist', primary.plain)
    await primary.isKept('50.conflist', keyed)
    primary.inPlace('45.conflist', primary.plain)
    await primary.isKept('45.conflist', keyed)
  })

  await t.test('two lists, and an entry that was there twice', async (t) => {
    primary.only('45.conflist')
    primary.inPlace('99.conflist', primary.plain)
    const plugins = [{ type: 'bridge' }, keyed, { type: 'portmap', snat: true }, OURS]
    primary.rename('40.conflist', primary.text(...plugins))
    await until('one is left', () => primary.read('40.conflist').split('"vethwall"').length === 2)
    await primary.isKept('40.conflist', keyed)
    t.equal(primary.read('99.conflist'), primary.plain, 'runtimes take the first only')
    await primary.logs(/40\.conflist: vethwall's entry was there more than once: one is left/)
  })

  await t.test('somebody who comes after us is left there', async (t) => {
    const open = { ...primary.ours, failure: 'open' }
    const text = primary.text({ type: 'bridge' }, open, { type: 'istio-cni' })
    primary.rename('35.conflist', text)
    const intent = join(node.instance.stateDir, 'conflist.json')
    await until('dpd has looked', () => readFileSync(intent, 'utf8').includes('open'))
    t.equal(primary.read('35.conflist'), text)
  })

  await t.test('junk, and a left-over .conf that wins', async (t) => {
    const junk = Buffer.from([0, 0xff, 0x7b, 0, 0x22])
    writeFileSync(primary.path('10-junk.conflist'), junk)
    mkdirSync(primary.path('11-folder.conflist'))
    primary.inPlace('20.conf', '{"cniVersion":"0.4.0","name":"x","type":"bridge"}')
    await primary.finds(/10-junk\.conflist: it cannot be read.*20\.conf: runtimes take it first/s)
    t.same(readFileSync(primary.path('10-junk.conflist')), junk)
    rmSync(primary.path('11-folder.conflist'), { recursive: true })
    primary.only('35.conflist')
    await primary.finds(/^$/)
  })

  await t.test('a primary that never rests: its newest list is the one that stands', async (t) => {
    const writes = 200
    const loop = `
import os, sys, time
path, text = sys.argv[1], open(sys.argv[2]).read()
for n in range(${writes}):
    new = text.replace('pods', f'pods{n}')
    if n % 2:
        open(path, 'w').write(new)
    else:
        open(path + '.tmp', 'w').write(new)
        os.rename(path + '.tmp', path)
    time.sleep(0.004)
`
    const template = join(node.dir, 'template')
    writeFileSync(template, primary.plain)
    const list = primary.path('30.conflist')
    const writer = spawn('setpriv', [...ENDS_WITH_US, 'python3', '-c', loop, list, template])
    const status = await new Promise((resolve) => writer.on('close', resolve))
    t.equal(status, 0)
    await until('it carries us', () => primary.read('30.conflist').includes('vethwall'))
    t.match(JSON.parse(primary.read('30.conflist')), { name: `pods${writes - 1}` })
    t.same(readdirSync(primary.confDir).sort(), ['30.conflist', '35.conflist'])
  })

  await t.test('counted, and said once each', async (t) => {
    const { stdout } = await node.exec('curl', [
      ...['-sS', '--unix-socket', node.instance.socketPath, 'http://dpd/metrics'],
    ])
    const repaired = Number(/^vethwall_conflist_repaired_total (\d+)$/m.exec(stdout)?.[1])
    t.ok(repaired >= 11, `${repaired} repairs`)
    const lines = primary.log().split('\n')
    t.equal(lines.filter((line) => line.includes('70.conflist: it is empty')).length, 1)
    t.equal(lines.filter((line) => line.includes('10-junk.conflist')).length, 1)
  })

  await t.test('uninstalled under a running dpd: the entry goes and stays away', async (t) => {
    const removed = await primary.entry('remove-entry')
    t.match(removed, { status: 0, stdout: /30\.conflist: vethwall removed/ }, removed.stderr)
    t.notMatch(primary.read('30.conflist'), /vethwall/)
    t.match(JSON.parse(primary.read('35.conflist')).plugins, [
      { type: 'bridge' },
      { type: 'istio-cni' },
    ])
    primary.inPlace('25.conflist', primary.plain)
    process.kill(node.dpd?.pid ?? 0, 'SIGHUP')
    await primary.logs(/SIGHUP: reloading/)
    await primary.finds(/^$/)
    t.equal(primary.read('25.conflist'), primary.plain)
  })
})
