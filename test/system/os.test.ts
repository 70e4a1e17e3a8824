import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { os } from '../../src/intercept/addon.js'
import { OsError } from '../../src/intercept/os.js'
import { ip, testNetns, uniqueName, vethPair } from '../netns.js'

const NETLINK_ROUTE = 0
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const RTM_NEWLINK = 16
const RTM_GETLINK = 18
const RTM_SETLINK = 19
const NLM_F_REQUEST = 1
const NLM_F_ACK = 4
const NLM_F_DUMP = 0x300
const NSFS_MAGIC = 0x6e736673
const BPF_FS_MAGIC = 0xcafe4a11

/** nlmsghdr + ifinfomsg (linux/rtnetlink.h). */
function linkMessage(type: number, flags: number, seq: number, ifindex = 0): Buffer {
  const message = Buffer.alloc(32)
  message.writeUInt32LE(32, 0)
  message.writeUInt16LE(type, 4)
  message.writeUInt16LE(flags, 6)
  message.writeUInt32LE(seq, 8)
  message.writeInt32LE(ifindex, 20)
  return message
}

function messages(octets: Uint8Array): { type: number; seq: number; error: number }[] {
  const view = Buffer.from(octets)
  const found = []
  for (let at = 0; at < view.length; at += (view.readUInt32LE(at) + 3) & ~3) {
    const type = view.readUInt16LE(at + 4)
    const error = type === NLMSG_ERROR ? -view.readInt32LE(at + 16) : 0
    found.push({ type, seq: view.readUInt32LE(at + 8), error })
  }
  return found
}

function thrown(body: () => unknown): OsError {
  try {
    body()
  } catch (error) {
    if (error instanceof OsError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'vtos-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  return dir
}

t.test('namespaces: made, bound twice, left', async (t) => {
  const name = uniqueName('vtos')
  const path = `/run/netns/${name}`
  const spare = join(folder(t), 'deep', 'netns')
  const before = readlinkSync('/proc/self/ns/net')
  os.netnsCreate(path)
  t.equal(statfsSync(path).type, NSFS_MAGIC)
  t.equal(readlinkSync('/proc/self/ns/net'), before, 'this process stayed')
  const fd = openSync(path, 'r')
  os.netnsBind(fd, spare)
  t.equal(statfsSync(spare).type, NSFS_MAGIC)
  t.match(ip(`-n ${name} -o link`), /lo/)
  closeSync(fd)
  os.unmount(spare)
  os.unmount(path)
  rmSync(path)
  t.same([thrown(() => os.unmount(path)).code, thrown(() => os.unmount(path)).errno], ['ENOENT', 2])
  t.match(thrown(() => os.netnsBind(0x7ffe, path)).message, /^mount .*: ENOENT/)
  rmSync(path)
})

t.test('netlink: dumps, acknowledgements, errors in place', async (t) => {
  const netns = testNetns(t)
  const fd = os.netlinkOpen(netns.fd, NETLINK_ROUTE)
  t.teardown(() => os.close(fd))
  const batch = Buffer.concat([
    linkMessage(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 7),
    linkMessage(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 8),
    linkMessage(RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, 9, 1),
    linkMessage(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, 10, 99),
  ])
  t.same(messages(os.netlinkRequest(fd, batch, 1000)), [
    { type: RTM_NEWLINK, seq: 7, error: 0 },
    { type: NLMSG_DONE, seq: 7, error: 0 },
    { type: RTM_NEWLINK, seq: 8, error: 0 },
    { type: NLMSG_DONE, seq: 8, error: 0 },
    { type: NLMSG_ERROR, seq: 9, error: 0 },
    { type: NLMSG_ERROR, seq: 10, error: 19 },
  ])
  const many = Array.from({ length: 2000 }, (_, i) =>
    linkMessage(RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, 100 + i, 1),
  )
  t.equal(messages(os.netlinkRequest(fd, Buffer.concat(many), 5000)).length, 2000, 'one big batch')
  t.equal(os.netlinkRequest(fd, new Uint8Array(0), 10).length, 0)
  t.equal(
    messages(os.netlinkRequest(fd, batch, 0)).length,
    6,
    'what is answered is late at no time',
  )
})

t.test('netlink: what is no batch, what nobody answers', async (t) => {
  const fd = os.netlinkOpen(-1, NETLINK_ROUTE)
  t.teardown(() => os.close(fd))
  t.equal(thrown(() => os.netlinkRequest(fd, new Uint8Array(5), 10)).code, 'EINVAL')
  // Carried out, but neither a dump nor to be acknowledged: its DUMP bits mean REPLACE and EXCL.
  const unanswered = linkMessage(RTM_SETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 1)
  t.equal(thrown(() => os.netlinkRequest(fd, unanswered, 20)).code, 'ETIMEDOUT')
  const twice = linkMessage(RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, 3, 1)
  t.equal(thrown(() => os.netlinkRequest(fd, Buffer.concat([twice, twice]), 20)).code, 'EINVAL')
  t.match(thrown(() => os.netlinkOpen(0x7fff, 0)).message, /^setns fd 32767: EBADF/)
})

t.test('sysctls inside a namespace', async (t) => {
  const netns = testNetns(t)
  const forwarding = '/proc/sys/net/ipv4/conf/lo/forwarding'
  const here = readFileSync(forwarding, 'utf8')
  t.same(
    os.netnsWriteFiles(netns.fd, [
      [forwarding, '1\n'],
      ['/proc/sys/net/ipv4/conf/none/forwarding', '1'],
      ['/proc/sys/net/ipv4/conf/lo/mc_forwarding', '1'],
    ]),
    [0, 2, 13],
  )
  t.same(os.netnsReadFiles(netns.fd, [forwarding, '/proc/sys/net/absent']), ['1\n', null])
  t.equal(readFileSync(forwarding, 'utf8'), here)
})

t.test('whole folders of sysctls, read inside', (t) => {
  const netns = testNetns(t)
  const conf = '/proc/sys/net/ipv6/conf/lo'
  os.netnsWriteFiles(netns.fd, [[`${conf}/hop_limit`, '63']])
  const [files, absent] = os.netnsReadFolders(netns.fd, [conf, '/proc/sys/net/ipv6/conf/none'])
  const names = files?.filter((_, at) => at % 2 === 0) ?? []
  const readable = readdirSync(conf).filter((name) => name !== 'stable_secret')
  t.same(names.toSorted(), readable.sort(), 'all but what reads as EIO')
  t.equal(files?.[files.indexOf('hop_limit') + 1], '63\n')
  t.same(absent, [])
  t.end()
})

t.test('ethtool features', async (t) => {
  const netns = testNetns(t)
  vethPair({ netns, ifName: 'a0' }, { netns, ifName: 'b0' })
  const state = () => netns.exec('/bin/sh', ['-c', 'ethtool -k a0 2>/dev/null || true'])
  const asked = ['tx-udp-segmentation', 'tx-vlan-hw-insert', 'loopback', 'no-such-feature']
  t.same(os.ethtoolFeaturesOn(netns.fd, 'a0', asked).sort(), [
    'tx-udp-segmentation',
    'tx-vlan-hw-insert',
  ])
  os.ethtoolFeaturesOff(netns.fd, 'a0', ['tx-udp-segmentation', 'no-such-feature'])
  t.same(os.ethtoolFeaturesOn(netns.fd, 'a0', asked), ['tx-vlan-hw-insert'])
  if (state() !== '') {
    t.match(state(), /tx-udp-segmentation: off/)
    t.match(state(), /tx-tcp-segmentation: on/)
  }
  t.equal(thrown(() => os.ethtoolFeaturesOff(netns.fd, 'c0', [])).code, 'ENODEV')
})

t.test('flock: exclusive, timed, dies with the fd', async (t) => {
  const path = join(folder(t), 'lock')
  const first = openSync(path, 'w')
  const second = openSync(path, 'w')
  t.ok(os.flock(first, 0))
  t.notOk(os.flock(second, 20))
  os.close(first)
  t.ok(os.flock(second, 0))
  os.close(second)
  t.equal(thrown(() => os.close(second)).code, 'EBADF')
})

t.test('renameExchange: both change places, neither is made', async (t) => {
  const dir = folder(t)
  const [a, b, none] = [join(dir, 'a'), join(dir, 'b'), join(dir, 'none')]
  writeFileSync(a, 'A')
  writeFileSync(b, 'B')
  os.renameExchange(a, b)
  t.same([readFileSync(a, 'utf8'), readFileSync(b, 'utf8')], ['B', 'A'])
  t.match(thrown(() => os.renameExchange(a, none)).message, /^renameat2 .*none: ENOENT/)
  t.same(readdirSync(dir).sort(), ['a', 'b'])
})

const BPF_MAP_TYPE_HASH = 1
const BPF_MAP_TYPE_PERCPU_ARRAY = 6

t.test('bpf maps', async (t) => {
  const { bpf } = os
  const spec = { keyOctets: 4, valueOctets: 8, maxEntries: 3, flags: 0, name: 'vtos' }
  const fd = bpf.mapCreate({ type: BPF_MAP_TYPE_HASH, ...spec })
  t.teardown(() => os.close(fd))
  const key = Uint8Array.of(1, 2, 3, 4)
  const value = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
  t.equal(bpf.mapLookup(fd, key, 8), null)
  bpf.mapUpdate(fd, key, value, 0)
  t.same(bpf.mapLookup(fd, key, 8), value)
  t.same(bpf.mapKeys(fd, 4), [key])
  t.ok(bpf.mapDelete(fd, key))
  t.notOk(bpf.mapDelete(fd, key))
  t.same(bpf.mapKeys(fd, 4), [])
  for (let i = 0; i < 3; i++) bpf.mapUpdate(fd, Uint8Array.of(i, 0, 0, 0), value, 0)
  t.equal(bpf.mapKeys(fd, 4).length, 3)
  const entries = bpf.mapEntries(fd)
  t.equal(entries.keys.length, 3 * 4)
  t.same(entries.values, Uint8Array.of(...value, ...value, ...value))
  t.equal(thrown(() => bpf.mapUpdate(fd, key, value, 0)).code, 'E2BIG')
  t.equal(thrown(() => bpf.mapLookup(fd, key, 4)).code, 'EINVAL', 'a short buffer')
  t.equal(thrown(() => bpf.mapUpdate(fd, Uint8Array.of(1), value, 0)).code, 'EINVAL')

  const empty = bpf.mapCreate({ type: BPF_MAP_TYPE_HASH, ...spec })
  t.teardown(() => os.close(empty))
  t.equal(bpf.mapEntries(empty).keys.length, 0)
  t.not(bpf.objectId(empty), bpf.objectId(fd), 'told apart')

  const perCpu = bpf.mapCreate({ type: BPF_MAP_TYPE_PERCPU_ARRAY, ...spec })
  t.teardown(() => os.close(perCpu))
  const cpus =
    Number(readFileSync('/sys/devices/system/cpu/possible', 'utf8').split('-').at(-1)) + 1
  t.equal(bpf.mapLookup(perCpu, new Uint8Array(4), 8 * cpus)?.length, 8 * cpus)
})

t.test('bpf programs and pins', async (t) => {
  const { bpf } = os
  const dir = folder(t)
  os.mountBpffs(dir)
  os.mountBpffs(dir)
  t.equal(statfsSync(dir).type, BPF_FS_MAGIC)
  t.teardown(() => os.unmount(dir))
  // mov r0, 0; exit
  const instructions = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0)
  const fd = bpf.progLoad({ name: 'vtos', instructions, license: 'GPL' })
  const pin = join(dir, 'prog')
  t.equal(bpf.get(pin), null)
  bpf.pin(fd, pin)
  const again = bpf.get(pin) ?? -1
  t.equal(bpf.objectId(again), bpf.objectId(fd))
  os.close(fd)
  os.close(again)
  const unsafe = instructions.slice(8)
  const refused = thrown(() => bpf.progLoad({ name: 'vtos', instructions: unsafe, license: 'GPL' }))
  t.equal(refused.code, 'EACCES')
  t.match(refused.message, /R0 !read_ok/, "the verifier's own words")
})
