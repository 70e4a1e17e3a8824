/** What `ip` and /proc tell of a pod's network, in a form that two moments can be compared by. */
import type { Netns } from '../netns.js'

interface Row {
  readonly [field: string]: unknown
  readonly addr_info?: readonly Row[]
}

/** The rest falls on, or says where the other end is: not the pod's to keep. */
const LINK_FIELDS = [
  'ifindex',
  'ifname',
  'altnames',
  'flags',
  'mtu',
  'group',
  'txqlen',
  'address',
  'broadcast',
  'promiscuity',
  'inet6_addr_gen_mode',
  'num_tx_queues',
  'num_rx_queues',
  'gso_max_size',
  'gso_max_segs',
  'ifalias',
  'link_index',
]

/** Seconds that run down: told apart are only forever, nought and something. */
const RUNNING = ['preferred_life_time', 'valid_life_time', 'expires']

function steady(row: Row): Row {
  const fields = Object.entries(row).map(([name, value]) => {
    const isRunning = RUNNING.includes(name) && value !== 0 && value !== 4294967295
    return [name, isRunning ? 'some' : value]
  })
  return Object.fromEntries(fields) as Row
}

/** One `ip` process for all commands of a family; each answers with one array. */
function batch(netns: Netns, family: '-4' | '-6', commands: readonly string[]): Row[][] {
  const lines = netns.exec('ip', [family, '-j', '-d', '-batch', '-'], {
    input: `${commands.join('\n')}\n`,
  })
  // Each command prints one array on one line, or none.
  const arrays = lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row[])
  return arrays
}

const DIRS = 'ipv4/conf ipv6/conf ipv4/neigh ipv6/neigh'

/** `path:value` of every per-interface setting. */
function sysctls(netns: Netns, ifName: string): string[] {
  const script = `for d in ${DIRS}; do grep -s . /proc/sys/net/$d/${ifName}/*; done; true`
  return netns.exec('sh', ['-c', script]).trim().split('\n').sort()
}

/** What an interception keeps: all but the index, which becomes vex's. */
export function podDumpAnyIndex(netns: Netns) {
  const dump = podDump(netns)
  const { ifindex: _, ...link } = dump.link
  return { ...dump, link }
}

export function podDump(netns: Netns, ifName = 'eth0') {
  const each = ['route show table all', 'rule', 'neigh show nud permanent', 'neigh show proxy']
  const all = ['link show', 'address show']
  const [links = [], addresses = [], ...ipv4] = batch(netns, '-4', [...all, ...each])
  const [, inet6 = [], ...ipv6] = batch(netns, '-6', [...all, ...each])
  const link = links.find(({ ifname }) => ifname === ifName) ?? {}
  const infos = [...addresses, ...inet6].filter(({ ifname }) => ifname === ifName)
  return {
    names: links.map(({ ifname }) => ifname),
    link: Object.fromEntries(LINK_FIELDS.filter((f) => f in link).map((f) => [f, link[f]])),
    addresses: infos.flatMap(({ addr_info }) => (addr_info ?? []).map(steady)),
    ipv4: ipv4.map((rows) => rows.map(steady)),
    ipv6: ipv6.map((rows) => rows.map(steady)),
    sysctls: sysctls(netns, ifName),
  }
}
