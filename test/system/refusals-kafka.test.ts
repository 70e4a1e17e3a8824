/** Denied requests of librdkafka: Kafka's own authorization errors, and the broker hears nothing. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Node, type Pod, until } from '../node.js'
import { root } from '../root.js'

const PORT = 9092
const POLICY = `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: broker, namespace: default }
spec:
  podSelector: { matchLabels: { role: broker } }
  mode: protect
  failure: closed
  ingress:
    - name: orders
      ports: [{ port: ${PORT} }]
      kafka: [{ apis: [Produce, Fetch, ListOffsets], topics: [orders] }, { apis: [ApiVersions, Metadata] }]
    - name: no-secret
      kafka: [{ topics: ['secret*'] }]
      action: deny
`
/** The cluster of librdkafka listens on loopback alone, and tells clients so. */
const RELAY = `const net = require('node:net')
const [listen, port, host, to, ...command] = process.argv.slice(2)
const server = net.createServer({ allowHalfOpen: true }, (near) => {
  const far = net.connect({ host, port: Number(to), allowHalfOpen: true })
  near.pipe(far)
  far.pipe(near)
  near.on('error', () => far.destroy())
  far.on('error', () => near.resetAndDestroy())
})
server.listen(Number(port), listen, () => {
  if (command.length === 0) return
  const child = require('node:child_process').spawn(command[0], command.slice(1), { stdio: 'inherit' })
  child.on('exit', (code) => process.exit(code ?? 1))
})
`

interface World {
  readonly broker: Pod
  readonly log: string
  /** kcat in the client's pod, to the broker's address. */
  kcat(host: string, args: readonly string[], input?: string): ReturnType<Pod['exec']>
  /** kcat beside the broker, past policy. */
  own(...args: string[]): ReturnType<Pod['exec']>
}

/** kcat brings a cluster of one broker that lives as long as it has input. */
async function serveKafka(node: Node, broker: Pod): Promise<{ port: string; log: string }> {
  const log = join(node.dir, 'kafka.log')
  const kcat = 'kcat -P -t idle -b unused:1 -X test.mock.num.brokers=1 -X debug=mock'
  broker.serve('sh', ['-c', `tail -f /dev/null | ${kcat}`], log)
  let port = ''
  await until('the cluster listens', async () => {
    const { stdout } = await broker.exec('ss', ['-Hlnt', 'src 127.0.0.1'])
    port = /127\.0\.0\.1:(\d+)/.exec(stdout)?.[1] ?? ''
    return port !== ''
  })
  return { port, log }
}

async function makeWorld(t: Test): Promise<World> {
  const node = new Node({ name: `vwrk${process.pid}` })
  t.teardown(() => node.close())
  writeFileSync(
    join(node.endpointsDir, 'who.yaml'),
    'pods: [{ namespace: default, name: broker, labels: { role: broker } }]\n',
  )
  writeFileSync(join(node.policyDir, 'broker.yaml'), POLICY)
  await node.startDpd()
  const broker = await node.addPod('broker')
  const client = await node.addPod('client')
  const relay = join(root, '.build', `refusals-relay-${process.pid}.cjs`)
  writeFileSync(relay, RELAY)
  t.teardown(() => rmSync(relay))
  const { port, log } = await serveKafka(node, broker)
  const at = ['127.0.0.1', port]
  broker.serve(process.execPath, [relay, '::', String(PORT), ...at], join(node.dir, 'relay.log'))
  await broker.listening(PORT)
  const kcat = ['kcat', '-b', at.join(':'), '-X', 'client.id=shop']
  return {
    ...{ broker, log },
    kcat: (host, args, input = '') =>
      client.exec(process.execPath, [relay, ...at, host, String(PORT), ...kcat, ...args], {
        input,
      }),
    own: (...args) => broker.exec('kcat', ['-b', at.join(':'), ...args]),
  }
}

t.setTimeout(180_000)
t.test('kcat: topic authorization failed', async (t) => {
  const { broker, log, kcat, own } = await makeWorld(t)
  const partition = ['-p', '0']
  for (const host of [broker.ip4, broker.ip6]) {
    const produced = await kcat(host, ['-P', '-t', 'orders', ...partition], 'order\n')
    t.equal(produced.status, 0, produced.stderr)
    const consume = ['-C', ...partition, '-o', 'beginning', '-e']
    const read = await kcat(host, [...consume, '-t', 'orders', '-q'])
    t.match(read.stdout, /^(order\n)+$/, read.stderr)

    const denied = await kcat(host, ['-P', '-t', 'payments', ...partition], 'payment\n')
    t.match(denied.stderr, /Delivery failed for message: Broker: Topic authorization failed/)
    const unread = await kcat(host, [...consume, '-t', 'payments'])
    t.match(unread.stderr, /Topic authorization failed/)
    t.equal(unread.stdout, '')
    const unseen = await kcat(host, ['-L', '-t', 'secret'])
    t.match(unseen.stdout + unseen.stderr, /Topic authorization failed/)
  }
  const kept = await own('-C', '-t', 'payments', ...partition, '-o', 'beginning', '-eq')
  t.equal(kept.stdout, '', kept.stderr)
  const orders = await own('-C', '-t', 'orders', ...partition, '-o', 'beginning', '-eq')
  t.equal(orders.stdout, 'order\norder\n', orders.stderr)
  const seen = readFileSync(log, 'utf8')
  t.equal(seen.match(/Received ProduceRequest/g)?.length, 2, 'of orders')
  t.notMatch((await own('-L')).stdout, /secret/, 'made by who asks for it')
})
