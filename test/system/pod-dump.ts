/** What `ip` and /proc tell of a pod's network, in a form that two moments can be compared by. */
import type { Netns } from '../netns.js'

type Row = Record<string, unknown>

/** Falls on, or differs by where the other end is: not the pod's to keep. */
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
] as const

function pick(row: Row, fields: readonly string[]): Row {
  return Object.fromEntries(fields.filter((f) => f in row).map((f) => [f, row[f]]))
}

/** Seconds that run down: told apart are only forever, nought and something. */
function lifetime(value: unknown): unknown {
  return value === 0 || value === 4294967295 ? value : 'some'
}

function addresses(rows: Row[]): Row[] {
  return rows.flatMap((row) =>
    ((row['addr_info'] as Row[] | undefined) ?? []).map((info) => ({
      ...info,
      preferred_life_time: lifetime(info['preferred_life_time']),
      valid_life_time: lifetime(info['valid_life_time']),
    })),
  )
}

function routes(rows: Row[]): Row[] {
  return rows.map((row) => ('expires' in row ? { ...row, expires: 'some' } : row))
}

const SYSCTLS = 'ipv4/conf ipv6/conf ipv4/neigh ipv6/neigh'

/** `name:value` of every per-interface setting. */
function sysctls(netns: Netns, ifName: string): string[] {
  const script = `for d in ${SYSCTLS}; do grep -s . /proc/sys/net/$d/${ifName}/*; done; true`
  return netns.exec('sh', ['-c', script]).trim().split('\n').sort()
}

export function podDump(netns: Netns, ifName = 'eth0') {
  const link = netns.ipJson<Row[]>(`link show ${ifName}`)[0] ?? {}
  return {
    link: pick(link, LINK_FIELDS),
    addresses: addresses(netns.ipJson<Row[]>(`address show ${ifName}`)),
    routes: routes(netns.ipJson<Row[]>('route show table all')),
    routes6: routes(netns.ipJson<Row[]>('-6 route show table all')),
    rules: [...netns.ipJson<Row[]>('rule'), ...netns.ipJson<Row[]>('-6 rule')],
    neighbours: netns.ipJson<Row[]>('neigh show nud permanent'),
    proxies: netns.ipJson<Row[]>('neigh show proxy'),
    sysctls: sysctls(netns, ifName),
  }
}
