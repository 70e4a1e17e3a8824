/**
 * Interfaces out of the ordinary, with a real dpd in the path: each looks the same before and after ADD, and
 * what goes through it is judged and whole.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Json } from '../cni-chain.js'
import { Node, type Pod, until } from '../node.js'
import { chainBehind, type Intercepted, intercept, primaryChain } from './odd/intercepted.js'
import { bridgeOf, calico, fullFrames, log, pointToPoint, unchanged } from './odd/layouts.js'
import { NARROW_OCTETS, narrowPath } from './odd/narrow-path.js'
import { FAMILIES, startStreamEcho, streamed } from './odd/sockets.js'
import {
  ECHO_PORT,
  frames,
  groups,
  ipOf,
  joinEarly,
  judged,
  segmented,
  whole,
} from './odd/traffic.js'

const WHO = `pods:
  - { namespace: default, name: strict, labels: { app: strict } }
  - { namespace: default, name: two, labels: { app: two } }
  - { namespace: default, name: '*', labels: { app: odd } }
`
/** A rule of layer 7 on the echo's port: its first octets are looked at before they pass. */
const POLICY = `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: odd, namespace: default }
spec:
  podSelector: { matchLabels: { app: odd } }
  mode: protect
  failure: closed
  ingress:
    - { name: peers, from: [{ ipBlock: { cidr: 10.0.0.0/8 } }, { ipBlock: { cidr: 'fd00::/8' } }] }
    - { name: no-deletes, action: deny, ports: [{ port: 7 }], http: [{ methods: [DELETE] }] }
    - { name: never, action: deny, ports: [{ port: 9 }, { port: 9, protocol: UDP }] }
  egress:
    - name: peers-and-groups
      to:
        - ipBlock: { cidr: 10.0.0.0/8 }
        - ipBlock: { cidr: 'fd00::/8' }
        - ipBlock: { cidr: 239.0.0.0/8 }
        - ipBlock: { cidr: 'ff05::/16' }
---
apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: strict, namespace: default }
spec:
  podSelector: { matchLabels: { app: strict } }
  mode: protect
  failure: closed
  ingress: []
  egress: [{ name: echo, ports: [{ port: 7 }] }]
---
apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: two, namespace: default }
spec:
  podSelector: { matchLabels: { app: two } }
  mode: protect
  failure: closed
  ingress:
    - name: first
      from: [{ ipBlock: { cidr: 10.77.0.0/16 } }, { ipBlock: { cidr: 'fd00:77::/64' } }]
      ports: [{ port: 7 }]
    - name: second
      from: [{ ipBlock: { cidr: 10.88.0.0/16 } }, { ipBlock: { cidr: 'fd00:88::/64' } }]
      ports: [{ port: 8 }]
`

interface World {
  readonly node: Node
  readonly main: Intercepted
  readonly peer: Pod
}

function firstPrimary(node: Node): Json & { readonly type: string } {
  const [primary] = node.chain.list.plugins
  if (primary === undefined) throw new Error('a chain without a primary')
  return primary
}

interface FlowSeen {
  readonly ifName: string
  readonly destinationPort: number
  readonly verdict: string
  readonly how: string | null
}

async function twoNetworks(t: Test, { node, peer }: World): Promise<void> {
  const two = await node.addPod('two')
  const primary = bridgeOf(node, 88)
  const second = { ...node.attachment('two'), ifName: 'net1' }
  const chain = chainBehind(node, primary)
  const { ips } = await chain.add(second)
  const [ip4 = '', ip6 = ''] = (ips as { address: string }[]).map(
    ({ address }) => address.split('/')[0] ?? '',
  )
  const other = await node.addPod('other', 'default', primaryChain(node, primary))
  for (const port of [7, 8]) await startStreamEcho(two, port, log(node))
  const listed = async () => (await node.dpctl('pods')).stdout.match(/default\/two\/\w+/g)
  t.same(await listed(), ['default/two/eth0', 'default/two/net1'])
  const networks = [
    { from: peer, hosts: [two.ip4, two.ip6], open: 7, shut: 8, ifName: 'eth0' },
    { from: other, hosts: [ip4, ip6], open: 8, shut: 7, ifName: 'net1' },
  ]
  for (const { from, hosts, open, shut, ifName } of networks) {
    for (const host of hosts) {
      t.equal(await streamed(from, host, open, 100_000), 'equal', `${ifName}: ${host}`)
      t.match(await streamed(from, host, shut, 10), /refused|reset/i, `${ifName}: not port ${shut}`)
    }
    await until(`${ifName} carried both directions of its flows to their end`, async () => {
      const answer = (await node.api('/v1/flows?pod=default/two&state=all')) as {
        flows: FlowSeen[]
      }
      const own = answer.flows.filter((flow) => flow.ifName === ifName)
      return (
        own.filter(({ how }) => how === 'fin').length === 2 &&
        own.every(
          ({ verdict, destinationPort }) => (verdict === 'allow') === (destinationPort === open),
        )
      )
    })
  }
  await chain.del(second)
  t.same(await listed(), ['default/two/eth0'], 'DEL of one leaves the other')
  t.equal(await streamed(peer, two.ip4, 7, 100_000), 'equal')
  t.match(await streamed(peer, two.ip4, 8, 10), /refused|reset/i)
}

async function tooBig(t: Test, { node, peer }: World): Promise<void> {
  const far = await narrowPath(t, node)
  const strict = await node.addPod('strict')
  t.teardown(() => far.stop())
  await startStreamEcho(far, ECHO_PORT, log(node))
  for (const family of FAMILIES) {
    const host = ipOf(far, family)
    t.equal(await streamed(strict, host, ECHO_PORT), 'equal', `IPv${family}: the stream arrives`)
    const { stdout } = await strict.exec('ip', ['route', 'get', host])
    t.match(stdout, new RegExp(`mtu ${NARROW_OCTETS}`), `IPv${family}: the pod was told`)
    const ping = await peer.exec('ping', ['-c', '1', '-W', '0.3', ipOf(strict, family)])
    t.match(ping.stdout, /0 received/, 'and hears nothing else')
  }
}

t.setTimeout(180_000)
t.test('odd interfaces', async (t) => {
  const node = new Node({ name: `vwod${process.pid}` })
  t.teardown(() => node.close())
  writeFileSync(join(node.endpointsDir, 'who.yaml'), WHO)
  writeFileSync(join(node.policyDir, 'policy.yaml'), POLICY)
  await node.startDpd()
  const main = await intercept(node, 'main', primaryChain(node, firstPrimary(node)), joinEarly)
  const peer = await node.addPlainPod('peer')
  for (const pod of [main.pod, peer]) await startStreamEcho(pod, ECHO_PORT, log(node))
  const world = { node, main, peer }

  await t.test('two networks', (t) => twoNetworks(t, world))
  await t.test('groups joined before ADD and after it', (t) => groups(t, main.pod, peer))
  await t.test('UDP_SEGMENT', (t) => segmented(t, main.pod, peer))
  await t.test('MTU 1500', async (t) => {
    await frames(t, main.pod, peer, 1500)
    await judged(t, main.pod, peer)
  })
  await t.test('tap', async (t) => {
    await node.dpctl('mode', 'default/main', 'discover')
    t.match((await node.dpctl('pods')).stdout, /default\/main\/eth0.*discover.*tap/)
    await segmented(t, main.pod, peer)
    await whole(t, main.pod, peer)
    await groups(t, main.pod, peer)
    await node.dpctl('mode', 'default/main', 'auto')
  })
  await t.test('main is as it was', (t) => unchanged(t, node, main))
  await t.test('MTU 1280', (t) => fullFrames(t, node, 1280, 90))
  await t.test('MTU 9000', (t) => fullFrames(t, node, 9000, 91))
  await t.test('ptp', (t) => pointToPoint(t, node, peer))
  await t.test("Calico's host routes", (t) => calico(t, node, peer))
  await t.test('a smaller MTU on the way, under default deny', (t) => tooBig(t, world))
})
