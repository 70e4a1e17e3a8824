/** A node and a pod as a bridge or ptp plugin leaves them, and an instance of our own beside them. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import type { Test } from 'tap'
import type { RefusedFrames } from '../../src/core/bpf/maps.js'
import { type Instance, instanceOf } from '../../src/core/instance.js'
import { os } from '../../src/intercept/addon.js'
import type { AttachSpec } from '../../src/intercept/attach-spec.js'
import type { InterceptContext } from '../../src/intercept/context.js'
import type { PipeDriver } from '../../src/intercept/driver.js'
import { closeEnforcer, ensureEnforcer, removeEnforcer } from '../../src/intercept/enforcer.js'
import type { Os } from '../../src/intercept/os.js'
import { ip, type Netns, testNetns, uniqueName } from '../netns.js'
import { until } from '../process.js'

/** Pipes nothing: the swap alone is under test. It counts what it was asked. */
export class IdleDriver implements PipeDriver {
  readonly name = 'bpf'
  readonly ensured = new Set<number>()
  ensureShared(): void {}
  ensure(_enforcer: unknown, record: { readonly id: number }): void {
    this.ensured.add(record.id)
  }
  setPath(): void {}
  readPath(): null {
    return null
  }
  remove(_enforcer: unknown, record: { readonly id: number }): void {
    this.ensured.delete(record.id)
  }
  check(): [] {
    return []
  }
  checkShared(): [] {
    return []
  }
  changedEntries(): readonly number[] {
    return []
  }
  repair(_enforcer: unknown, record: { readonly id: number }): void {
    this.ensured.add(record.id)
  }
  repairShared(): void {}
  carried(): null {
    return null
  }

  counters(): Readonly<Record<string, number>> {
    return {}
  }
  refused(): ReadonlyMap<number, RefusedFrames> {
    return new Map()
  }
  close(): void {}
}

export interface World {
  readonly host: Netns
  readonly pod: Netns
  readonly instance: Instance
  readonly warnings: string[]
  enforcerLinks(): string[]
  context(driver?: PipeDriver, os?: Os): InterceptContext
  spec(more?: Partial<AttachSpec>): AttachSpec
}

export function specOf(netns: string): AttachSpec {
  return {
    containerID: 'c0ffee',
    ifName: 'eth0',
    network: 'test',
    netns,
    namespace: 'default',
    pod: 'web',
    podUid: null,
    failure: 'open',
  }
}

/** eth0 ↔ host0 on a bridge; the host's index is one that a fresh namespace would not use. */
export function makePod(t: Test, host: Netns, hostIfName = 'host0'): Netns {
  const pod = testNetns(t, 'vsp')
  ip(
    `link add eth0 mtu 1400 netns ${pod.name} type veth peer name ${hostIfName} mtu 1400 netns ${host.name}`,
  )
  host.ip(`link set ${hostIfName} up`)
  pod.ip('link set eth0 up')
  return pod
}

/** None where the namespace was not made yet. */
function linksIn(instance: Instance): string[] {
  if (!existsSync(instance.netnsPath)) return []
  const links = JSON.parse(ip(`-n ${instance.name} -j link show`)) as { ifname: string }[]
  return links.map(({ ifname }) => ifname)
}

export function makeWorld(t: Test): World {
  const host = testNetns(t, 'vsh')
  for (let i = 0; i < 4; i++) host.ip(`link add filler${i} type veth peer name relliff${i}`)
  const pod = makePod(t, host)
  const instance = instanceOf(uniqueName('vwt'))
  const warnings: string[] = []
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  t.teardown(() => {
    removeEnforcer(os, instance)
    for (const dir of [instance.runDir, instance.stateDir, instance.bpffsDir]) {
      rmSync(dir, { recursive: true, force: true })
    }
  })
  return {
    host,
    pod,
    instance,
    warnings,
    enforcerLinks: () => linksIn(instance),
    context: (driver = new IdleDriver(), theOs = os) => ({
      os: theOs,
      instance,
      ...{ driver, why: 'the test' },
      bootId,
      now: () => '2026-01-01T00:00:00.000Z',
      warn: (message) => warnings.push(message),
    }),
    spec: (more = {}) => ({ ...specOf(pod.path), ...more }),
  }
}

/** Everything that CNI plugins and their chains are known to leave on an interface. */
export function dress(pod: Netns): void {
  const lines = [
    'link set eth0 address 02:42:ac:11:00:02 txqueuelen 333 alias uplink',
    'link property add dev eth0 altname pod-uplink altname second-name',
    'address add 10.1.0.2/24 brd + dev eth0',
    'address add 10.1.0.3/24 dev eth0',
    'address add 10.2.0.2/32 dev eth0 label eth0:x valid_lft 3600 preferred_lft 1800',
    'address add fd01::2/64 dev eth0 nodad',
    'address add fd01::3/64 dev eth0',
    'address add fd02::2/128 dev eth0 noprefixroute valid_lft 3600 preferred_lft 0',
    'route add default via 10.1.0.1 dev eth0',
    'route add 10.9.0.0/16 via 10.1.0.1 dev eth0 metric 50 mtu 1300 advmss 1200 proto static',
    'route add 10.8.0.0/16 via 10.7.7.7 dev eth0 onlink src 10.1.0.3',
    'route add 10.6.0.0/16 nexthop via 10.1.0.1 weight 2 nexthop via 10.1.0.9 weight 1',
    'route add default via 10.1.0.1 dev eth0 table 100',
    'route add 10.3.0.0/24 dev eth0 scope link table 500',
    'route add local 10.99.0.1 dev eth0 table local proto static',
    '-6 route add default via fd01::1 dev eth0',
    '-6 route add fd09::/48 via fe80::1 dev eth0 metric 77 pref high mtu 1300',
    '-6 route add fd08::/48 nexthop via fd01::1 nexthop via fd01::9',
    '-6 route add fd07::/64 dev eth0 table 100 expires 1000',
    'rule add iif eth0 lookup 100 pref 500',
    'rule add oif eth0 lookup 500 pref 501',
    '-6 rule add iif eth0 lookup 100 pref 500',
    'neigh add 169.254.1.1 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent',
    'neigh add fd01::1 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent router',
    'neigh add proxy 10.1.0.77 dev eth0',
    'link set eth0 promisc on',
  ]
  for (const line of lines) pod.ip(line)
  const settings = {
    'ipv4/conf/eth0/arp_ignore': '1',
    'ipv4/conf/eth0/rp_filter': '2',
    'ipv6/conf/eth0/accept_ra': '0',
    'ipv6/conf/eth0/hop_limit': '61',
    'ipv4/neigh/eth0/gc_stale_time': '77',
    'ipv6/neigh/eth0/ucast_solicit': '5',
  }
  for (const [name, value] of Object.entries(settings)) {
    pod.exec('sh', ['-c', `echo ${value} >/proc/sys/net/${name}`])
  }
}

/** As the ptp plugin: the connected routes replaced by one by the gateway, which is on the link. */
export function dressPointToPoint(pod: Netns): void {
  const lines = [
    'address add 10.5.0.2/24 dev eth0',
    'address add fd05::2/64 dev eth0 nodad',
    'route del 10.5.0.0/24 dev eth0',
    '-6 route del fd05::/64 dev eth0',
    'route add 10.5.0.1 dev eth0 scope link src 10.5.0.2',
    'route add 10.5.0.0/24 via 10.5.0.1 src 10.5.0.2',
    'route add default via 10.5.0.1',
    '-6 route add fd05::1 dev eth0',
    '-6 route add fd05::/64 via fd05::1',
    '-6 route add default via fd05::1',
  ]
  for (const line of lines) pod.ip(line)
}

/** The enforcer of the world's instance, as ADD makes it. */
export function ensure(world: World): void {
  closeEnforcer(os, ensureEnforcer(world.context()))
}

/** One of everything, for tests that put it back many times. */
export function dressPlain(pod: Netns): void {
  const lines = [
    'link property add dev eth0 altname pod-uplink',
    'address add 10.1.0.2/24 brd + dev eth0',
    'address add fd01::2/64 dev eth0 nodad',
    'route add default via 10.1.0.1 dev eth0',
    '-6 route add default via fd01::1 dev eth0',
    'neigh add 169.254.1.1 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent',
  ]
  for (const line of lines) pod.ip(line)
  pod.exec('sh', ['-c', 'echo 1 >/proc/sys/net/ipv4/conf/eth0/arp_ignore'])
}

export async function settled(pod: Netns): Promise<void> {
  await until('addresses are settled', () => !pod.ip('address show eth0').includes('tentative'))
}
