/** The table: every object of ours × ways to delete or change it, and what dpd calls the difference. */

import { execFileSync } from 'node:child_process'
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeKey, NO_ENDPOINT } from '../../../src/core/bpf/maps.js'
import { linksOf } from '../../../src/core/endpoint.js'
import { bpfFilter } from '../../../src/core/netlink/cls-bpf.js'
import { replaceFilter } from '../../../src/core/netlink/filter.js'
import { os } from '../../../src/intercept/addon.js'
import type { DriftKind } from '../../../src/intercept/driver.js'
import { NETLINK_ROUTE } from '../../../src/intercept/enforcer.js'
import { apply } from '../../../src/intercept/rtnetlink.js'
import type { Node } from '../../node.js'
import { changeOctet, mapFd, pinFolder, recordOf, setEntry, withMap } from './maps.js'

export interface Damage {
  readonly name: string
  readonly what: DriftKind
  /** In the log's line. */
  readonly subject: string
  apply(): void
}

interface Target {
  readonly vin: string
  readonly vex: string
  readonly id: number
  readonly vinIndex: number
}

export interface EndpointDamage {
  readonly name: string
  on(containerID: string): Damage
}

const run = (command: string, ...args: string[]): void =>
  void execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })

/** `r0 = -1; exit`: TC_ACT_UNSPEC, every frame goes on unjudged (linux/bpf.h, struct bpf_insn). */
const PASS_ALL = Uint8Array.from([0xb7, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x95, 0, 0, 0, 0, 0, 0, 0])

/** Another program under our own handle: what `tc filter replace … handle 1 bpf` does. */
function replaceProgram(node: Node, ifindex: number): void {
  const fd = openSync(node.instance.netnsPath, 'r')
  const netlinkFd = os.netlinkOpen(fd, NETLINK_ROUTE)
  const program = os.bpf.progLoad({ name: 'pass', instructions: PASS_ALL, license: 'GPL' })
  const key = { ifindex, priority: 1, handle: 1 }
  try {
    apply(os, netlinkFd, [replaceFilter(bpfFilter(key, program, 'pass'))])
  } finally {
    for (const open of [program, netlinkFd]) os.close(open)
    closeSync(fd)
  }
}

const U32_ANY = ['u32', 'match', 'u32', '0', '0', 'flowid', '1:1']

export function endpointDamages(node: Node): EndpointDamage[] {
  const ns = node.instance.name
  const ip = (...args: string[]) => run('ip', '-n', ns, ...args)
  const tc = (...args: string[]) => run('tc', '-n', ns, ...args)
  const row = (
    name: string,
    what: DriftKind,
    subject: (of: Target) => string,
    change: (of: Target) => void,
  ): EndpointDamage => ({
    name,
    on(containerID) {
      const record = recordOf(node, containerID)
      const { vinName: vin, vexName: vex, vinIfindex: vinIndex } = linksOf(record)
      const target = { vin, vex, id: record.id, vinIndex }
      return { name, what, subject: subject(target), apply: () => change(target) }
    },
  })
  return [
    row(
      'vin deleted',
      'link',
      ({ vin }) => `link ${vin}`,
      ({ vin }) => ip('link', 'del', vin),
    ),
    row(
      'vex deleted',
      'link',
      ({ vex }) => `link ${vex}`,
      ({ vex }) => ip('link', 'del', vex),
    ),
    row(
      'vin down',
      'link',
      ({ vin }) => `link ${vin}`,
      ({ vin }) => ip('link', 'set', vin, 'down'),
    ),
    row(
      'vex down',
      'link',
      ({ vex }) => `link ${vex}`,
      ({ vex }) => ip('link', 'set', vex, 'down'),
    ),
    row(
      'vin renamed',
      'link',
      ({ vin }) => `name of ${vin}`,
      ({ vin, id }) => {
        ip('link', 'set', vin, 'down')
        ip('link', 'set', vin, 'name', `other${id}`)
        ip('link', 'set', `other${id}`, 'up')
      },
    ),
    row(
      'MTU of vex',
      'link',
      ({ vex }) => `mtuOctets of ${vex}`,
      ({ vex }) => ip('link', 'set', vex, 'mtu', '1300'),
    ),
    row(
      'MAC of vex',
      'link',
      ({ vex }) => `mac of ${vex}`,
      ({ vex }) => ip('link', 'set', vex, 'address', '02:11:22:33:44:55'),
    ),
    row(
      'alias of vin',
      'link',
      ({ vin }) => `alias of ${vin}`,
      ({ vin }) => ip('link', 'set', vin, 'alias', 'mine'),
    ),
    row(
      'filter of vin deleted',
      'filter',
      ({ vin }) => `filter on ${vin}`,
      ({ vin }) => tc('filter', 'del', 'dev', vin, 'ingress'),
    ),
    row(
      'program of vin replaced',
      'filter',
      ({ vin }) => `filter on ${vin}`,
      ({ vinIndex }) => replaceProgram(node, vinIndex),
    ),
    row(
      'u32 in the place of vex',
      'filter',
      ({ vex }) => `foreign filter on ${vex}`,
      ({ vex }) => {
        tc('filter', 'del', 'dev', vex, 'ingress')
        tc('filter', 'add', 'dev', vex, 'ingress', 'pref', '1', 'protocol', 'ip', ...U32_ANY)
      },
    ),
    row(
      'foreign filter beside ours',
      'filter',
      ({ vin }) => `foreign filter on ${vin}`,
      ({ vin }) =>
        tc('filter', 'add', 'dev', vin, 'ingress', 'pref', '7', 'protocol', 'ipv6', ...U32_ANY),
    ),
    row(
      'ingress of vin deleted',
      'qdisc',
      ({ vin }) => `ingress qdisc of ${vin}`,
      ({ vin }) => tc('qdisc', 'del', 'dev', vin, 'ingress'),
    ),
    row(
      'clsact on vex',
      'qdisc',
      ({ vex }) => `ingress qdisc of ${vex}`,
      ({ vex }) => {
        tc('qdisc', 'del', 'dev', vex, 'ingress')
        tc('qdisc', 'add', 'dev', vex, 'clsact')
      },
    ),
    row(
      'egress qdisc on vin',
      'qdisc',
      ({ vin }) => `root qdisc of ${vin}`,
      ({ vin }) => tc('qdisc', 'add', 'dev', vin, 'root', 'pfifo', 'limit', '10'),
    ),
    row(
      'endpoint emptied',
      'map',
      ({ id }) => `endpoints[${id}]`,
      ({ id }) => setEntry(node, 'endpoints', id, [...NO_ENDPOINT]),
    ),
    row(
      'path changed',
      'map',
      ({ id }) => `endpoints[${id}]`,
      ({ id }) => changeOctet(node, id, 0, () => 1),
    ),
    row(
      'failure changed',
      'map',
      ({ id }) => `endpoints[${id}]`,
      ({ id }) => changeOctet(node, id, 1, () => 0),
    ),
    row(
      'MAC in the map',
      'map',
      ({ id }) => `endpoints[${id}]`,
      // Another one, whatever the primary plugin drew.
      ({ id }) => changeOctet(node, id, 12, (octet) => octet ^ 0x10),
    ),
    row(
      'device entry deleted',
      'map',
      ({ vin }) => `devices[${vin}]`,
      ({ vinIndex }) =>
        withMap(node, 'devices', (fd) => void os.bpf.mapDelete(fd, encodeKey(vinIndex))),
    ),
    row(
      'device of another id',
      'map',
      ({ vin }) => `devices[${vin}]`,
      ({ vinIndex }) => setEntry(node, 'devices', vinIndex, [0x01, 0x00, 1, 0]),
    ),
  ]
}

/** Batches of what can be damaged at once and still be told apart. */
export function sharedDamages(node: Node): Damage[][] {
  const { name: ns, netnsPath, netnsSparePath, bpffsDir } = node.instance
  const ip = (...args: string[]) => run('ip', '-n', ns, ...args)
  const tc = (...args: string[]) => run('tc', '-n', ns, ...args)
  const damage = (name: string, what: DriftKind, subject: string, change: () => void): Damage => ({
    ...{ name, what, subject, apply: change },
  })
  const unmount = (path: string) => run('umount', '-l', path)
  const mounts = (path: string) => `${path}: `
  return [
    [
      damage('stray endpoint', 'map', 'endpoints[9999]', () =>
        setEntry(node, 'endpoints', 9999, [1, ...NO_ENDPOINT.subarray(1)]),
      ),
      damage('stray device', 'map', 'devices[77777]', () =>
        setEntry(node, 'devices', 77_777, [5, 0, 1, 0]),
      ),
      damage('vbr deleted', 'link', 'link vbr-neuv', () => ip('link', 'del', 'vbr-neuv')),
      damage('namespace unmounted', 'mount', mounts(netnsPath), () => unmount(netnsPath)),
    ],
    [
      damage('vth down', 'link', 'link vth-neuv', () => ip('link', 'set', 'vth-neuv', 'down')),
      damage('filter of vbr deleted', 'filter', 'filter on vbr-neuv', () =>
        tc('filter', 'del', 'dev', 'vbr-neuv', 'ingress'),
      ),
      damage('spare unmounted and its file gone', 'mount', mounts(netnsSparePath), () => {
        unmount(netnsSparePath)
        rmSync(netnsSparePath)
      }),
      damage('a pin gone', 'pin', '/vin_ingress', () =>
        rmSync(join(pinFolder(node, 'programs-'), 'vin_ingress')),
      ),
    ],
    [
      damage('vbr down', 'link', 'link vbr-neuv', () => ip('link', 'set', 'vbr-neuv', 'down')),
      damage('MTU of vbr', 'link', 'mtuOctets of vbr-neuv', () =>
        ip('link', 'set', 'vbr-neuv', 'mtu', '1500'),
      ),
      damage('ingress of vth deleted', 'qdisc', 'ingress qdisc of vth-neuv', () =>
        tc('qdisc', 'del', 'dev', 'vth-neuv', 'ingress'),
      ),
      damage('a map of another pinned', 'pin', '/counters', () => otherMap(node, 'counters')),
      damage('both names unmounted', 'mount', mounts(netnsPath), () => {
        unmount(netnsPath)
        unmount(netnsSparePath)
      }),
    ],
    [
      damage('vth renamed', 'link', 'name of vth-neuv', () => {
        ip('link', 'set', 'vth-neuv', 'down')
        ip('link', 'set', 'vth-neuv', 'name', 'other')
      }),
      damage('foreign filter on vbr', 'filter', 'foreign filter on vbr-neuv', () =>
        tc('filter', 'add', 'dev', 'vbr-neuv', 'ingress', 'pref', '2', ...U32_ANY),
      ),
      damage('IPv6 on', 'sysctl', 'conf/default/disable_ipv6', () =>
        run('ip', 'netns', 'exec', ns, 'sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=0'),
      ),
      damage('all pins gone', 'pin', '/endpoints', () =>
        rmSync(bpffsDir, { recursive: true, force: true }),
      ),
    ],
    [
      damage('forwarding on', 'sysctl', 'ip_forward', () =>
        run('ip', 'netns', 'exec', ns, 'sysctl', '-qw', 'net.ipv4.ip_forward=1'),
      ),
      damage('feature on', 'feature', 'tx-udp-segmentation', () =>
        run('ip', 'netns', 'exec', ns, 'ethtool', '-K', 'vbr-neuv', 'tx-udp-segmentation', 'on'),
      ),
      damage('BPF file system unmounted', 'mount', '/sys/fs/bpf', () => unmount('/sys/fs/bpf')),
    ],
    [
      damage('another namespace under our name', 'mount', mounts(netnsPath), () => {
        unmount(netnsPath)
        unmount(netnsSparePath)
        writeFileSync(netnsSparePath, '')
        rmSync(netnsPath)
        run('ip', 'netns', 'add', ns)
      }),
    ],
  ]
}

/** Of the same shape, so that a program would take it. */
function otherMap(node: Node, map: string): void {
  const path = join(pinFolder(node, 'maps-'), map)
  os.close(mapFd(node, map))
  rmSync(path)
  const spec = { type: 2, keyOctets: 4, valueOctets: 8, maxEntries: 16, flags: 0, name: 'other' }
  const fd = os.bpf.mapCreate(spec)
  os.bpf.pin(fd, path)
  os.close(fd)
}
