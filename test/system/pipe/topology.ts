/**
 * One intercepted pod, made of plain `ip` commands: pod (eth0) — enforcer (vin, vex, vbr-neuv, vth-neuv)
 * — host (host0). The swap is not under test here; the driver finds what a swap leaves.
 */
import { closeSync } from 'node:fs'
import type { Test } from 'tap'
import { ENDPOINT_RECORD_SCHEMA, type EndpointRecord } from '../../../src/core/endpoint.js'
import {
  VBR_IFINDEX,
  VBR_NAME,
  VEX_IFINDEX_BASE,
  VTH_IFINDEX,
  VTH_NAME,
} from '../../../src/core/instance.js'
import { os } from '../../../src/intercept/addon.js'
import type { Enforcer } from '../../../src/intercept/driver.js'
import { ip, type Netns, testNetns } from '../../netns.js'

const NETLINK_ROUTE = 0
export const POD_MAC = '02:00:00:00:07:01'
export const HOST_MAC = '02:00:00:00:07:02'
export const POD = { v4: '10.77.0.1', v6: 'fd77::1' } as const
export const HOST = { v4: '10.77.0.2', v6: 'fd77::2' } as const

export interface Topology {
  readonly pod: Netns
  readonly enforcerNetns: Netns
  readonly host: Netns
  readonly enforcer: Enforcer
  readonly record: EndpointRecord
}

function ifindexOf(netns: Netns, name: string): number {
  return Number(netns.ipJson<{ ifindex: number }[]>(`link show ${name}`)[0]?.ifindex)
}

function address(netns: Netns, ifName: string, { v4, v6 }: { v4: string; v6: string }): void {
  netns.ip(`link set ${ifName} up`)
  netns.ip(`address add ${v4}/24 dev ${ifName}`)
  netns.ip(`address add ${v6}/64 dev ${ifName} nodad`)
}

/** IPv6 is off before any device exists (kernel-findings); every frame there is a pod's. */
function prepareEnforcer(netns: Netns): void {
  netns.exec('sh', [
    '-c',
    'for s in all default; do echo 1 >/proc/sys/net/ipv6/conf/$s/disable_ipv6; done; echo 1 >/proc/sys/net/ipv4/ip_forward',
  ])
  netns.ip(
    `link add ${VBR_NAME} index ${VBR_IFINDEX} mtu 65535 type veth peer name ${VTH_NAME} index ${VTH_IFINDEX} mtu 65535`,
  )
  netns.ip(`link set ${VBR_NAME} up`)
  netns.ip(`link set ${VTH_NAME} up`)
}

export function makeTopology(t: Test, id = 0x1234): Topology {
  const [pod, enforcerNetns, host] = [testNetns(t, 'vdp'), testNetns(t, 'vde'), testNetns(t, 'vdh')]
  prepareEnforcer(enforcerNetns)
  const inEnforcer = `netns ${enforcerNetns.name}`
  const vexIfindex = VEX_IFINDEX_BASE + id
  ip(`link add eth0 address ${POD_MAC} netns ${pod.name} type veth peer name vin-t ${inEnforcer}`)
  ip(
    `link add vex-t index ${vexIfindex} ${inEnforcer} type veth peer name host0 address ${HOST_MAC} netns ${host.name}`,
  )
  enforcerNetns.ip('link set vin-t up')
  enforcerNetns.ip('link set vex-t up')
  address(pod, 'eth0', POD)
  address(host, 'host0', HOST)
  const netlinkFd = os.netlinkOpen(enforcerNetns.fd, NETLINK_ROUTE)
  t.teardown(() => closeSync(netlinkFd))
  const record = recordOf(id, pod, ifindexOf(enforcerNetns, 'vin-t'), vexIfindex)
  return { pod, enforcerNetns, host, enforcer: { netnsFd: enforcerNetns.fd, netlinkFd }, record }
}

function recordOf(id: number, pod: Netns, vinIfindex: number, vexIfindex: number): EndpointRecord {
  return {
    schema: ENDPOINT_RECORD_SCHEMA,
    containerID: 'pipe-driver-test',
    ifName: 'eth0',
    bootId: '',
    id,
    network: 'test',
    netns: pod.path,
    netnsInode: '',
    namespace: 'default',
    pod: 'pipe-driver-test',
    podUid: null,
    ...{ driver: 'bpf', why: 'the test', attachment: 'swap' },
    links: {
      mac: POD_MAC,
      mtuOctets: 1500,
      podIfindex: ifindexOf(pod, 'eth0'),
      vinName: 'vin-t',
      vinIfindex,
      vexName: 'vex-t',
      vexIfindex,
      hostIfindex: 0,
      peerIndexLost: true,
    },
    addresses: [`${POD.v4}/24`, `${POD.v6}/64`],
    failure: 'open',
    createdAt: '2026-01-01T00:00:00Z',
  }
}
