import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { exec, Node } from '../node.js'
import { root } from '../root.js'

t.setTimeout(240_000)
const CONFLIST =
  '{"cniVersion":"0.4.0",\n "name":"pods","vendor":{"z":1,"a":2},"plugins":[{"type":"bridge"},{"type":"portmap"}]}\n'

function stage(t: Test): { dir: string; netd: string } {
  const dir = mkdtempSync(join(tmpdir(), 'vethwall-install-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const netd = join(dir, 'etc', 'cni', 'net.d')
  mkdirSync(netd, { recursive: true })
  return { dir, netd }
}
const install = (dir: string, ...args: string[]): string =>
  execFileSync('sh', [join(root, 'install.sh'), '--root', dir, ...args], { encoding: 'utf8' })

function files(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(dir, name)).isFile())
    .sort()
}

t.test('install twice, uninstall twice', async (t) => {
  const { dir, netd } = stage(t)
  const conflist = join(netd, '10-pods.conflist')
  writeFileSync(conflist, CONFLIST)
  t.match(install(dir), /vethwall appended/)
  for (const path of [
    '/opt/cni/bin/vethwall',
    '/usr/local/sbin/dpd',
    '/usr/local/bin/dpctl',
    '/usr/local/lib/vethwall/bin/node',
    '/usr/local/lib/vethwall/bin/launch',
  ]) {
    t.ok(statSync(join(dir, path)).mode & 0o111, `${path} is executable`)
  }
  for (const path of [
    '/etc/vethwall/dpd.yaml',
    '/etc/vethwall/policy.d',
    '/etc/systemd/system/dpd.service',
  ]) {
    t.ok(existsSync(join(dir, path)), path)
  }
  const launcher = readFileSync(join(dir, 'usr/local/sbin/dpd'), 'utf8')
  t.match(launcher, /^#!\S+\/launch dpd-[0-9a-f]{12} --max-semi-space-size=2 --v8-pool-size=1\n$/)
  const list = JSON.parse(readFileSync(conflist, 'utf8'))
  t.same(
    list.plugins.map(({ type }: { type: string }) => type),
    ['bridge', 'portmap', 'vethwall'],
  )
  t.equal(list.cniVersion, '0.4.0', 'the version is never raised')
  t.equal(readFileSync(`${conflist}.vethwall-original`, 'utf8'), CONFLIST, 'the original is kept')
  t.match(JSON.parse(readFileSync(join(dir, 'var/lib/vethwall/conflist.json'), 'utf8')), {
    ...{ confDir: '/etc/cni/net.d', binDir: '/opt/cni/bin' },
    entry: { type: 'vethwall' },
  })
  const once = files(dir)
  t.match(install(dir), /there already/)
  t.same(files(dir), once, 'twice in a row is harmless')
  t.match(install(dir, '--uninstall'), /vethwall removed/)
  t.equal(readFileSync(conflist, 'utf8'), CONFLIST, "the original's very octets")
  t.same(files(dir), ['etc/cni/net.d/10-pods.conflist'], 'nothing else stays')
  install(dir, '--uninstall')
  t.same(files(dir), ['etc/cni/net.d/10-pods.conflist'])
})

/** The folder that the staged plugin's launcher runs. */
const folderOf = (dir: string): string =>
  readFileSync(join(dir, 'opt/cni/bin/vethwall'), 'utf8').trim().split(' ')[1] ?? ''

t.test('another build: whoever runs the one before it still finds all of it', async (t) => {
  const { dir } = stage(t)
  const source = mkdtempSync(join(tmpdir(), 'vethwall-build-'))
  t.teardown(() => rmSync(source, { recursive: true, force: true }))
  for (const part of ['dist', 'cni', 'conf', 'install.sh', 'README.md', 'LICENSE'])
    cpSync(join(root, part), join(source, part), { recursive: true })
  const folders: string[] = []
  for (const version of ['first', 'second', 'third']) {
    appendFileSync(join(source, 'dist', 'plugin', 'plugin.js'), `\n// ${version}\n`)
    execFileSync('sh', [join(source, 'install.sh'), '--root', dir, '--no-conflist'])
    folders.push(join(dir, 'usr/local/lib/vethwall', folderOf(dir)))
  }
  const [first = '', second = '', third = ''] = folders
  t.notOk(existsSync(first), 'the one before the last is gone')
  for (const [folder, version] of [
    [second, 'second'],
    [third, 'third'],
  ] as const) {
    const caches = ['plugin.cache', 'zod.cache']
    const parts = ['index.js', 'package.json', 'plugin.js', 'vethwall.node', 'zod.js']
    t.same(readdirSync(folder).sort(), [...parts, ...caches].sort())
    t.match(readFileSync(join(folder, 'plugin.js'), 'utf8').trim(), new RegExp(`// ${version}$`))
  }
})

t.test("the operator's own work stays", async (t) => {
  const { dir, netd } = stage(t)
  const conflist = join(netd, '10-pods.conflist')
  writeFileSync(conflist, CONFLIST)
  install(dir)
  writeFileSync(join(dir, 'etc/vethwall/policy.d/mine.yaml'), '# mine\n')
  const changed = JSON.parse(readFileSync(conflist, 'utf8'))
  writeFileSync(conflist, JSON.stringify({ ...changed, disableCheck: true }))
  t.match(install(dir, '--uninstall'), /kept .* with your policy/)
  t.ok(existsSync(join(dir, 'etc/vethwall/policy.d/mine.yaml')))
  t.match(JSON.parse(readFileSync(conflist, 'utf8')), {
    disableCheck: true,
    plugins: [{ type: 'bridge' }, { type: 'portmap' }],
  })
})

t.test('a conflist that cannot carry us is passed over, the next one is taken', async (t) => {
  const { dir, netd } = stage(t)
  writeFileSync(join(netd, '00-broken.conflist'), '{"name":')
  writeFileSync(join(netd, '05-empty.conflist'), '')
  writeFileSync(join(netd, '10-pods.conflist'), CONFLIST)
  const said = install(dir)
  t.match(said, /00-broken.conflist: passed over: not JSON/)
  t.match(said, /10-pods.conflist: vethwall appended/)
  t.equal(readFileSync(join(netd, '00-broken.conflist'), 'utf8'), '{"name":')
})

/** What install.sh calls for the conflist, alone. */
const entry = (dir: string, command: string): string =>
  execFileSync(
    process.execPath,
    [join(root, 'dist', 'install', 'index.js'), command, '--root', dir],
    { encoding: 'utf8' },
  )

t.test('the intent: without a list, never with --no-conflist', async (t) => {
  const { dir, netd } = stage(t)
  const intent = join(dir, 'var/lib/vethwall/conflist.json')
  rmSync(netd, { recursive: true })
  t.match(entry(dir, 'add-entry'), /no conflist to append to: dpd appends/)
  t.ok(existsSync(intent))
  t.notOk(existsSync(netd), 'the directory is for the primary CNI to make')
  install(dir, '--no-conflist')
  t.notOk(existsSync(intent))
  entry(dir, 'add-entry')
  install(dir, '--uninstall')
  t.same(files(dir), [])
})

t.test('from what the vendor has written since, only our entry goes', async (t) => {
  const { dir, netd } = stage(t)
  const conflist = join(netd, '10-pods.conflist')
  writeFileSync(conflist, CONFLIST)
  entry(dir, 'add-entry')
  const vendors = CONFLIST.replace('portmap', 'tuning').replace(',\n', ',')
  writeFileSync(conflist, vendors.replace(/]}\n$/, ',{"type":"vethwall","mine":1}]}\n'))
  t.match(entry(dir, 'remove-entry'), /vethwall removed/)
  t.equal(readFileSync(conflist, 'utf8'), vendors)
  t.same(files(dir), ['etc/cni/net.d/10-pods.conflist'])
})

t.test('uninstall: the intent first, then the entry, the binary last', async (t) => {
  const { dir, netd } = stage(t)
  const conflist = join(netd, '10-pods.conflist')
  writeFileSync(conflist, CONFLIST)
  install(dir)
  // In the way of the list's new text: the entry can't be taken out.
  mkdirSync(join(`${conflist}.vethwall-new`, 'x'), { recursive: true })
  t.throws(() => install(dir, '--uninstall'), 'it ends there')
  t.notOk(existsSync(join(dir, 'var/lib/vethwall/conflist.json')), 'dpd puts nothing back')
  t.match(readFileSync(conflist, 'utf8'), /vethwall/)
  t.ok(existsSync(join(dir, 'opt/cni/bin/vethwall')), 'what the list names is there')
  rmSync(`${conflist}.vethwall-new`, { recursive: true })
  install(dir, '--uninstall')
  t.equal(readFileSync(conflist, 'utf8'), CONFLIST)
  t.same(files(dir), ['etc/cni/net.d/10-pods.conflist'])
})

t.test('the unit hides nothing that dpd keeps', async (t) => {
  const unit = readFileSync(join(root, 'conf', 'dpd.service'), 'utf8')
  t.notMatch(unit, /^(ProtectSystem|ReadOnlyPaths|InaccessiblePaths|PrivateMounts|RootDirectory)=/m)
  t.match(unit, /^CapabilityBoundingSet=.*CAP_CHOWN/m, 'a list keeps its owner')
})

/** The staged /usr/local over the machine's, in a mount namespace of its own. */
const inStage = (dir: string, script: string): string[] => [
  '-m',
  'sh',
  '-c',
  `mount --bind ${join(dir, 'usr/local')} /usr/local && ${script}`,
]

t.test('the unit: systemd-analyze verify, and its ExecStart under a NOTIFY_SOCKET', async (t) => {
  const { dir } = stage(t)
  install(dir)
  const unit = join(dir, 'etc/systemd/system/dpd.service')
  const verified = await exec('unshare', inStage(dir, `systemd-analyze verify --man=no ${unit}`), {
    timeoutMs: 60_000,
  })
  t.equal(verified.status, 0, `${verified.stdout}${verified.stderr}`)
  t.notMatch(verified.stderr, /dpd\.service/, 'no complaint about the unit')

  const start = /^ExecStart=(.*)$/m.exec(readFileSync(unit, 'utf8'))?.[1] ?? ''
  const ensure = /^ExecStartPre=\+(.*)$/m.exec(readFileSync(unit, 'utf8'))?.[1] ?? ''
  const node = new Node({ name: `vwti${process.pid}` })
  t.teardown(() => node.close())
  const { dpdConfigFile } = node.writeConfig()
  const flags = `--instance ${node.instance.name} --config ${dpdConfigFile}`
  const made = await exec('unshare', [
    '--propagation',
    'unchanged',
    ...inStage(dir, `${ensure} ${flags}`),
  ])
  t.equal(made.status, 0, made.stderr)
  t.ok(existsSync(node.instance.netnsPath), 'ExecStartPre makes the enforcer namespace')
  const heard = await notifications(t, dir, `exec ${start} ${flags}`)
  t.match(heard, /READY=1/, 'ready is notified')
  t.match(heard, /WATCHDOG=1/, 'and the watchdog is fed')
})

/** What a service manager would hear. */
async function notifications(t: Test, dir: string, command: string): Promise<string> {
  const script = `
import os, signal, socket, subprocess, sys
path = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(path); s.settimeout(20)
env = dict(os.environ, NOTIFY_SOCKET=path, WATCHDOG_USEC='400000')
p = subprocess.Popen(['unshare', *sys.argv[2:]], env=env, stderr=subprocess.DEVNULL)
seen = ''
try:
    while not ('READY=1' in seen and 'WATCHDOG=1' in seen):
        seen += s.recv(4096).decode() + '\\n'
finally:
    p.send_signal(signal.SIGTERM); p.wait()
    print(seen)
`
  const { stdout, stderr } = await exec(
    'python3',
    ['-c', script, join(dir, 'notify'), ...inStage(dir, command)],
    { timeoutMs: 60_000 },
  )
  t.comment(stderr)
  return stdout
}

t.test(
  'release gives running pods their own interfaces back, then the enforcer goes',
  async (t) => {
    const node = new Node({ name: `vwtr${process.pid}` })
    t.teardown(() => node.close())
    await node.startDpd()
    const a = await node.addPod('a')
    const b = await node.addPod('b')
    await node.stopDpd()
    const main = join(root, 'dist', 'install', 'index.js')
    const released = await exec(process.execPath, [main, 'release', node.instance.name])
    t.equal(released.status, 0, released.stdout + released.stderr)
    t.match(released.stdout, /default\/a eth0: released/)
    for (const address of [b.ip4, b.ip6]) {
      const { status } = await a.exec('ping', ['-c', '1', '-W', '2', address])
      t.equal(status, 0, `${address} answers without us`)
    }
    for (const path of [node.instance.netnsPath, node.instance.runDir, node.instance.bpffsDir]) {
      t.notOk(existsSync(path), `${path} is gone`)
    }
  },
)
