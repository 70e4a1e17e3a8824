/** Interfaces that are seldom seen whole: each is the same after the swap, and after the way back. */
import t from 'tap'
import { check } from '../../src/intercept/check.js'
import { detach } from '../../src/intercept/restore.js'
import { attach } from '../../src/intercept/swap.js'
import { ip, type Netns, testNetns } from '../netns.js'
import { podDump, podDumpAnyIndex } from './pod-dump.js'
import { makeWorld, settled } from './swap-topology.js'

t.setTimeout(180_000)
const TABLES = 60

/** One `ip` process for all lines of a family. */
function batch(netns: Netns, lines: readonly string[]): void {
  for (const family of ['-4', '-6']) {
    const own = lines.filter((line) => line.startsWith('-6 ') === (family === '-6'))
    const input = own.map((line) => `${line.replace(/^-[46] /, '')}\n`).join('')
    netns.exec('ip', [family, '-batch', '-'], { input })
  }
}

function set(netns: Netns, settings: Readonly<Record<string, string>>): void {
  const lines = Object.entries(settings).map(([n, value]) => `echo ${value} >/proc/sys/net/${n}`)
  netns.exec('sh', ['-e', '-c', lines.join('\n')])
}

/** The four ways in which a rule finds its table. */
function ruleOf(at: number, family: '-4' | '-6'): string {
  const own = family === '-4' ? `10.1.${at}.0/24` : `fd01:${at}::/64`
  const selector = [`from ${own}`, 'iif eth0', 'oif eth0', `fwmark 0x${at}00/0xff00`][at % 4]
  return `${family} rule add ${selector} lookup ${1000 + at} pref ${2000 + at}`
}

function tables(): string[] {
  return Array.from({ length: TABLES }, (_, at) => [
    `-4 route add default via 10.1.0.1 dev eth0 table ${1000 + at}`,
    `-4 route add 10.20.${at}.0/24 dev eth0 scope link src 10.1.0.2 table ${1000 + at}`,
    `-6 route add default via fd01::1 dev eth0 metric ${100 + at} table ${1000 + at}`,
  ]).flat()
}

/** Last: IPv6 looks for a gateway by the rules of that device, and these lead past the link's own route. */
function rules(): string[] {
  return Array.from({ length: TABLES }, (_, at) => [ruleOf(at, '-4'), ruleOf(at, '-6')]).flat()
}

/** As many tables as a multi-homed gateway has, and what tuning(8) and hands set. */
function dressCrowded(pod: Netns): void {
  batch(pod, [
    'link set eth0 txqueuelen 77 alias crowded gso_max_size 30000 gso_max_segs 100',
    'link set eth0 allmulticast on',
    'link property add dev eth0 altname first-name altname second-name altname third-name',
    'address add 10.1.0.2/16 brd + dev eth0',
    'address add 239.9.9.9/32 dev eth0 autojoin',
    '-6 address add fd01::2/64 dev eth0 nodad',
    '-6 address add ff05::9:9/128 dev eth0 autojoin',
    ...tables(),
    '-4 route add 10.30.0.0/16 via 10.1.0.1 dev eth0 mtu lock 1300 initcwnd 20 quickack 1',
    '-4 route add multicast 239.0.0.0/8 dev eth0',
    'neigh add 10.1.0.9 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent',
    '-6 neigh add fd01::9 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent',
    'neigh add proxy 10.1.0.77 dev eth0',
    '-6 neigh add proxy fd01::77 dev eth0',
    ...rules(),
  ])
  set(pod, {
    ...{ 'ipv4/conf/eth0/rp_filter': '2', 'ipv4/conf/eth0/forwarding': '1' },
    ...{ 'ipv4/conf/eth0/arp_announce': '2', 'ipv4/conf/eth0/arp_ignore': '1' },
    ...{ 'ipv4/conf/eth0/arp_filter': '1', 'ipv4/conf/eth0/arp_notify': '1' },
    ...{ 'ipv4/conf/eth0/proxy_arp': '1', 'ipv4/conf/eth0/accept_local': '1' },
    ...{
      'ipv4/conf/eth0/force_igmp_version': '2',
      'ipv4/neigh/eth0/base_reachable_time_ms': '7000',
    },
    ...{ 'ipv4/neigh/eth0/unres_qlen': '50', 'ipv4/neigh/eth0/locktime': '0' },
    ...{ 'ipv6/conf/eth0/accept_ra': '2', 'ipv6/conf/eth0/forwarding': '1' },
    ...{ 'ipv6/conf/eth0/use_tempaddr': '2', 'ipv6/conf/eth0/proxy_ndp': '1' },
    ...{ 'ipv6/conf/eth0/dad_transmits': '0', 'ipv6/conf/eth0/mtu': '1380' },
    ...{ 'ipv6/neigh/eth0/gc_stale_time': '44', 'ipv6/neigh/eth0/retrans_time_ms': '700' },
    // Of the namespace, not of the interface: nothing of ours may touch them.
    ...{ 'ipv4/conf/all/rp_filter': '1', 'ipv6/conf/all/hop_limit': '33' },
  })
}

/** Calico's: nothing but a host route to an address that only proxy ARP answers, and a link-local router. */
function dressCalico(pod: Netns): void {
  batch(pod, [
    '-4 address add 192.168.5.2/32 dev eth0',
    '-4 route add 169.254.1.1 dev eth0 scope link',
    '-4 route add default via 169.254.1.1 dev eth0',
    '-6 address add fd05::2/128 dev eth0 nodad',
    '-6 route add default via fe80::ecee:eeff:feee:eeee dev eth0 metric 1024',
    '-4 neigh add 169.254.1.1 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent',
  ])
}

/** An interface with nothing on it that is not up: an IPAM-less secondary network before its owner comes. */
function dressBare(pod: Netns): void {
  batch(pod, ['link set eth0 down'])
  set(pod, { 'ipv6/conf/eth0/disable_ipv6': '1' })
}

const NAMESPACE_WIDE = [
  'net.ipv6.conf.all.hop_limit',
  'net.ipv4.conf.all.rp_filter',
  'net.ipv4.conf.all.forwarding',
  'net.ipv6.conf.all.forwarding',
]

const wide = (pod: Netns): string => pod.exec('sysctl', NAMESPACE_WIDE)

for (const [name, put] of [
  [`${TABLES} tables, rules, neighbours, proxies, settings`, dressCrowded],
  ["Calico's host routes", dressCalico],
  ['nothing at all', dressBare],
] as const) {
  t.test(`${name}: the same after attach and after detach`, async (t) => {
    const world = makeWorld(t)
    put(world.pod)
    await settled(world.pod)
    const before = podDumpAnyIndex(world.pod)
    const before2 = wide(world.pod)
    const record = attach(world.context(), world.spec())
    const intercepted = podDump(world.pod)
    t.strictSame(podDumpAnyIndex(world.pod), before, 'after attach')
    t.strictSame(check(world.context(), record), [], 'check finds no drift')
    detach(world.context(), record, record.netns)
    t.strictSame(podDump(world.pod), intercepted, 'after detach')
    t.equal(wide(world.pod), before2, "the namespace's own settings")
    t.strictSame(world.warnings, [])
  })
}

t.test('queues, and an MTU of every size', async (t) => {
  const world = makeWorld(t)
  for (const [at, mtuOctets] of [1280, 9000, 65535].entries()) {
    const pod = testNetns(t, 'vsp')
    const host = `mtu${mtuOctets} mtu ${mtuOctets} netns ${world.host.name}`
    const queues = 'numtxqueues 4 numrxqueues 3'
    ip(`link add eth0 mtu ${mtuOctets} ${queues} netns ${pod.name} type veth peer name ${host}`)
    world.host.ip(`link set mtu${mtuOctets} up`)
    pod.ip('link set eth0 up')
    pod.ip('address add 10.1.0.2/24 dev eth0')
    await settled(pod)
    const before = podDumpAnyIndex(pod)
    t.match(before.link, { mtu: mtuOctets, num_tx_queues: 4, num_rx_queues: 3 })
    const spec = world.spec({ containerID: `mtu${at}`, netns: pod.path })
    const record = attach(world.context(), spec)
    t.strictSame(podDumpAnyIndex(pod), before, `after attach, MTU ${mtuOctets}`)
    detach(world.context(), record, record.netns)
    t.strictSame(podDumpAnyIndex(pod), before, `after detach, MTU ${mtuOctets}`)
  }
})
