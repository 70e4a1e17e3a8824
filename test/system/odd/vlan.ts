/** A VLAN sub-interface that a pod makes on its eth0. Needs 8021q, which a stock kernel has. */
import { basename } from 'node:path'
import type { Test } from 'tap'
import { type Exit, exec, type Node, type Pod, until } from '../../node.js'
import { call } from '../../plugin-call.js'
import { pinged } from './sockets.js'

const VLAN = 100
const ON_VLAN = {
  client: ['10.99.0.1', 'fd00:99::1'],
  server: ['10.99.0.2', 'fd00:99::2'],
} as const
/** An endpoints.d entry must list them: the pod has them only after ADD. */
export const VLAN_ADDRESSES = ON_VLAN.server.map((address) => `'${address}'`).join(', ')
const LINK = `link add link eth0 name eth0.${VLAN} type vlan id ${VLAN}`
/** DENIED or a reset: never silence, curl's 28. */
export type IsRefused = (exit: Exit) => boolean

/** What the kernel refuses of it; '' = nothing. One process: emulated, each costs. */
async function addSubInterface(pod: Pod, addresses: readonly string[]): Promise<string> {
  const added = addresses.map((address) => {
    const [bits, flag] = address.includes(':') ? [64, 'nodad'] : [24, '']
    return `ip address add ${address}/${bits} dev eth0.${VLAN} ${flag}`
  })
  const lines = [`ip ${LINK}`, ...added, `ip link set eth0.${VLAN} up`]
  return (await pod.exec('sh', ['-e', '-c', lines.join('\n')])).stderr.trim()
}

/** `server` allows GET of /items/* alone, inline, and fails closed: one whose verdict is late is reset. */
export async function vlanFlows(
  t: Test,
  node: Node,
  { client, server }: { readonly client: Pod; readonly server: Pod },
  isRefused: IsRefused,
): Promise<void> {
  const missing = await addSubInterface(client, ON_VLAN.client)
  if (missing !== '') return void t.pass('VLAN', { skip: `no 8021q in this kernel: ${missing}` })
  t.equal(await addSubInterface(server, ON_VLAN.server), '')
  for (const [at, address] of ON_VLAN.server.entries()) {
    const host = address.includes(':') ? `[${address}]` : address
    const get = (path: string) =>
      client.exec('curl', ['-sS', '-m', '20', `http://${host}${path}`], { timeoutMs: 60_000 })
    t.equal(
      await pinged(server, ON_VLAN.client[at] ?? '', 1500),
      '2 received',
      `ping of ${address}`,
    )
    const isAllowed = async () => (await get('/items/1')).stdout.includes('hello from')
    await until(`${address}: allowed`, isAllowed)
    const denied = await get('/admin')
    const seen = `${denied.status} ${denied.stdout}${denied.stderr}`
    t.ok(isRefused(denied), `${address}: denied at once, ${seen}`)
  }
  const { flows } = (await node.api(`/v1/flows?pod=default/${server.name}&state=all`)) as {
    flows: { vlan: number; destination: string; destinationPort: number }[]
  }
  const onVlan = flows.filter(
    ({ vlan, destinationPort }) => vlan === VLAN && destinationPort === 80,
  )
  const hosts = new Set(onVlan.map(({ destination }) => destination))
  t.same([...hosts].sort(), [...ON_VLAN.server], `flows of VLAN ${VLAN}`)
}

/** A sub-interface would not survive the swap: ADD says so. */
export async function vlanBeforeAdd(t: Test, node: Node): Promise<void> {
  const { netns } = node.attachment('tagged')
  const name = basename(netns)
  t.teardown(() => exec('ip', ['netns', 'del', name]))
  const lines = [
    `ip netns add ${name}`,
    `ip link add eth0 netns ${name} type veth peer name tagged0 netns ${node.netns}`,
    `ip -n ${name} ${LINK}`,
  ]
  const { stderr } = await exec('sh', ['-e', '-c', lines.join('\n')])
  if (stderr !== '') return void t.pass('VLAN', { skip: `no 8021q in this kernel: ${stderr}` })
  const prevResult = { cniVersion: '1.0.0', interfaces: [{ name: 'eth0', sandbox: netns }] }
  const { status, stdout } = await call('ADD', node, 'tagged', { prevResult, failure: 'closed' })
  t.not(status, 0)
  t.match(JSON.parse(stdout), { code: 102 })
  t.match(stdout, /eth0 carries eth0\.100/)
}
