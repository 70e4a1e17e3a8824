/** Two pods and a VXLAN tunnel that they make between them: policy holds for what it carries. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startWeb } from '../../demo/servers.js'
import { Node, type Pod } from '../node.js'

const WHO = `pods:
  - { namespace: default, name: server, labels: { app: server } }
`
/** The tunnel is open to all; within it one page of the web server. */
const POLICY = `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: server, namespace: default }
spec:
  podSelector: { matchLabels: { app: server } }
  mode: protect
  failure: closed
  ingress:
    - name: tunnel
      ports: [{ protocol: UDP, port: 4789 }]
    - name: page
      from: [{ ipBlock: { cidr: 10.99.0.0/24 } }, { ipBlock: { cidr: 'fd99::/64' } }]
      ports: [{ port: 80 }]
      http: [{ methods: [GET], paths: [/allowed*] }, { methods: [POST], paths: [/upload] }]
`
const VNI = '42'

/** A tunnel's end with its addresses within. */
async function makeEnd(pod: Pod, number: number, local: string, remote: string): Promise<void> {
  const ip = async (...args: string[]): Promise<void> => {
    const exit = await pod.exec('ip', args)
    if (exit.status !== 0) throw new Error(`ip ${args.join(' ')}: ${exit.stderr}`)
  }
  const tunnel = ['type', 'vxlan', 'id', VNI, 'dstport', '4789', 'local', local, 'remote', remote]
  await ip('link', 'add', 'vx', ...tunnel)
  await ip('addr', 'add', `10.99.0.${number}/24`, 'dev', 'vx')
  await ip('addr', 'add', `fd99::${number}/64`, 'dev', 'vx', 'nodad')
  await ip('link', 'set', 'vx', 'mtu', '1400', 'up')
}

async function makeWorld(t: Test, shards: number) {
  const dpdConfig = `inspection: { shards: ${shards} }\n`
  const node = new Node({ name: `vwtu${process.pid}`, dpdConfig })
  t.teardown(() => node.close())
  writeFileSync(join(node.endpointsDir, 'who.yaml'), WHO)
  writeFileSync(join(node.policyDir, 'policy.yaml'), POLICY)
  await node.startDpd()
  const server = await node.addPod('server')
  const client = await node.addPod('client')
  await startWeb(server, node.dir)
  return { node, server, client }
}

interface FlowRow {
  readonly app: string | null
  readonly namespace: string
  readonly pod: string
  readonly verdict: string
  readonly destination: string
  readonly tunnel?: { readonly kind: string; readonly id: number; readonly peer: string }
}

t.setTimeout(180_000)
// Of several shards one has the whole tunnel, whatever source ports the kernel gives its packets.
for (const [family, shards] of [
  ['ip4', 1],
  ['ip6', 2],
] as const) {
  t.test(`a tunnel over ${family}, ${shards} shards`, async (t) => {
    const { node, server, client } = await makeWorld(t, shards)
    await makeEnd(server, 1, server[family], client[family])
    await makeEnd(client, 2, client[family], server[family])
    const get = (host: string, path: string) =>
      client.exec(
        'curl',
        ['-sS', '-o', '/dev/null', '-w', '%{http_code}', '--max-time', '3'].concat(
          `http://${host}${path}`,
        ),
      )

    for (const host of ['10.99.0.1', '[fd99::1]']) {
      const allowed = await get(host, '/allowed')
      t.equal(allowed.stdout, '200', `${host}: ${allowed.stderr}`)
      t.match(
        await get(host, '/secret'),
        { stdout: '000' },
        `${host}: a denied path is not answered`,
      )
      t.equal((await get(host, '/allowed')).stdout, '200', `${host}: the tunnel lives on`)
    }
    const body = join(node.dir, 'body')
    writeFileSync(body, 'octets of a body\n'.repeat(50_000))
    const upload = await client.exec('curl', [
      ...['-sS', '-w', '%{http_code}', '-o', '/dev/null', '--max-time', '20'],
      ...['-H', 'Expect:', '--data-binary', `@${body}`, 'http://10.99.0.1/upload'],
    ])
    t.equal(upload.stdout, '200', `segments that offload joined: ${upload.stderr}`)
    t.match(await get('10.99.0.1:81', '/'), { stdout: '000' }, 'denied at the SYN')
    t.match(await get(server.ip4, '/allowed'), { stdout: '000' }, 'outside another address counts')

    const log = readFileSync(join(node.dir, 'nginx-server', 'access.log'), 'utf8')
    t.match(log, /GET \/allowed/)
    t.notMatch(log, /secret/, 'not an octet of it arrived')
    const { flows } = (await node.api('/v1/flows')) as { flows: readonly FlowRow[] }
    const inner = flows.filter(({ pod, app }) => pod === 'server' && app === 'http')
    t.ok(inner.length > 0, 'HTTP was recognised within')
    const tunnel = { kind: 'vxlan', id: Number(VNI), peer: client[family] }
    for (const flow of inner) t.match(flow, { tunnel })
    t.ok(inner.some(({ verdict }) => verdict === 'deny'))
    t.match((await node.dpctl('flows')).stdout, new RegExp(`in vxlan ${VNI} of ${client[family]}`))
  })
}
