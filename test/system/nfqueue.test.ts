/** Pods that can't be swapped, judged by rules in their own namespace: the same policy, events and answers. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startWeb } from '../../demo/servers.js'
import { CniChain } from '../cni-chain.js'
import { type Exit, Node, type NodeOptions, type Pod, until } from '../node.js'
import { startEcho, talk } from './talk.js'

t.setTimeout(240_000)

const WHO = `pods:
  - { namespace: default, name: web, labels: { app: web } }
  - { namespace: default, name: open, labels: { app: open } }
  - { namespace: default, name: jailed, labels: { app: jailed } }
`
const policyOf = (
  name: string,
  failure: string,
  spec: string,
): string => `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: ${name}, namespace: default }
spec:
  podSelector: { matchLabels: { app: ${name} } }
  mode: protect
  failure: ${failure}
  ${spec}
`
const WEB = (ports: string): string => `ingress:
    - { name: echo, ports: [${ports}] }
    - { name: items, ports: [{ port: 80 }], http: [{ methods: [GET], paths: ['/items/*'] }] }`
const ECHO = '{ port: 7 }, { port: 7, protocol: UDP }'
const OPEN = policyOf('open', 'open', `ingress: [{ name: echo, ports: [{ port: 7 }] }]`)
const JAILED = policyOf('jailed', 'closed', `egress: [{ name: echo, ports: [{ port: 7 }] }]`)

interface World {
  readonly node: Node
  readonly web: Pod
  readonly client: Pod
}

async function makeWorld(t: Test, options: NodeOptions): Promise<World> {
  const node = new Node(options)
  t.teardown(() => node.close())
  writeFileSync(join(node.endpointsDir, 'who.yaml'), WHO)
  await node.startDpd()
  const web = await node.addPod('web')
  const client = await node.addPod('client')
  await startWeb(web, node.dir)
  await startEcho(web, node.dir, { tcp: [7, 8], udp: [7, 9] })
  return { node, web, client }
}

const get = (from: Pod, to: Pod, family: 4 | 6, path: string): Promise<Exit> =>
  from.exec('curl', ['-sS', '-m', '10', `http://${family === 4 ? to.ip4 : `[${to.ip6}]`}${path}`])
const isRefused = ({ status, stdout }: Exit): boolean =>
  status === 56 || /Denied by network policy/.test(stdout)

/** Both families at once: how each ended. */
async function reach(from: Pod, to: Pod, port: number, protocol: 'tcp' | 'udp' = 'tcp') {
  const calls = [to.ip4, to.ip6].map((host) => ({ host, port, protocol, deadlineMs: 1000 }))
  return (await talk(from, calls)).map(({ how }) => how).join()
}
const OK = 'ok,ok'
const DENIED = 'ECONNREFUSED,ECONNREFUSED'

/** ICMP 3/13 and ICMPv6 1/1, as sockets tell them. */
const PROHIBITED = 'EHOSTUNREACH,EACCES'

const RULES = ['-t', 'mangle', '-S']
async function rulesOf(pod: Pod, tool = 'iptables'): Promise<string> {
  return (await pod.exec(tool, RULES)).stdout
}

/**
 * Packets that one of the pod's queues, in the order of their numbers, has seen so far: id_sequence of
 * /proc/net/netfilter/nfnetlink_queue.
 */
async function queued(pod: Pod, index = 0): Promise<number> {
  const { stdout } = await pod.exec('cat', ['/proc/net/netfilter/nfnetlink_queue'])
  const queues = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
  return queues.sort(([a = 0], [b = 0]) => a - b)[index]?.[7] ?? 0
}

/** Connects with the first marks that a verdict could have set; says how many got through. */
const FORGE = `import socket, struct, sys
through = 0
for octet in range(1, 17):
    s = socket.socket()
    s.settimeout(2)
    s.setsockopt(socket.SOL_SOCKET, 36, struct.pack('I', octet << 24))
    try:
        s.connect((sys.argv[1], 8))
        through += 1
    except OSError:
        pass
    s.close()
print(through)`
/** One datagram to a port where nobody listens, from the address given. */
const FORGED_SOURCE = `import socket, struct, sys
source, target = map(socket.inet_aton, sys.argv[1:3])
udp = struct.pack('!HHHH', 4000, 4001, 8, 0)
ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 28, 0, 0, 64, 17, 0, source, target)
socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW).sendto(ip + udp, (sys.argv[2], 0))`
const TALK_ON = `const s = require('net').connect(7, process.argv[1], () => setInterval(() => s.write('x'), 20))
s.on('data', () => {}).on('error', (e) => { console.log(e.code); process.exit() }).on('close', () => { console.log('closed'); process.exit() })`
const BULK_OCTETS = 32 << 20
const BULK = `const s = require('net').connect(7, process.argv[1]); let left = ${BULK_OCTETS}, got = 0
const more = () => { while (left > 0) { left -= 65536; if (!s.write(Buffer.alloc(65536))) return } }
s.on('drain', more).on('data', (d) => { got += d.length; if (got >= ${BULK_OCTETS}) { console.log(got); process.exit() } })
s.on('error', (e) => { console.log(e.code); process.exit() }); more()`

t.test('macvlan pods', async (t) => {
  const world = await makeWorld(t, {
    ...{ name: `vwnq${process.pid}`, primary: 'macvlan' },
    dpdConfig: 'inspection: { loopback: [default/web] }\n',
  })
  const { node, web, client } = world

  await t.test('discover: flows are shown, and which driver and why', async (t) => {
    t.match(await get(client, web, 4, '/items/1'), { stdout: /hello from web/ })
    t.match(await get(client, web, 6, '/items/1'), { stdout: /hello from web/ })
    await until('dpctl shows the flow', async () =>
      /http.*allow/.test((await node.dpctl('flows', '--state', 'all')).stdout),
    )
    const { stdout } = await node.dpctl('pods', '-o', 'wide')
    t.match(
      stdout,
      /default\/web\/eth0.* tap .* nfqueue .* rules +eth0 is a macvlan, which can't be/,
    )
    t.match(await node.dpctl('preflight'), { stdout: /nfqueue +yes[\s\S]*driver: bpf/ })
  })

  await t.test('protect: allowed, denied, both families, up to HTTP', async (t) => {
    const text = policyOf('web', 'closed', WEB(ECHO))
    await node.policy('p.yaml', `${text}---\n${OPEN}---\n${JAILED}`)
    for (const family of [4, 6] as const) {
      t.match(await get(client, web, family, '/items/1'), { stdout: /hello from web/ })
      const denied = await get(client, web, family, '/admin')
      t.ok(isRefused(denied), `IPv${family}: ${denied.stdout}${denied.stderr}`)
    }
    t.equal(await reach(client, web, 7), OK)
    t.equal(await reach(client, web, 8), DENIED)
    t.equal(await reach(client, web, 7, 'udp'), OK)
    t.equal(await reach(client, web, 9, 'udp'), PROHIBITED)
    t.match(await rulesOf(web), /judged by dpd; is dropped while dpd is away" -j NFQUEUE/)
  })

  await t.test('lo of a pod with a sidecar: seen once, never held up', async (t) => {
    t.match(await node.dpctl('pods'), { stdout: /default\/web\/lo .* protect +tap / })
    const before = await queued(web, 1)
    t.equal((await web.exec('ping', ['-c', '3', '-i', '0.05', '127.0.0.1'])).status, 0)
    t.equal((await queued(web, 1)) - before, 6, 'three requests, three replies')
    t.match(await get(web, { ...web, ip4: '127.0.0.1' } as Pod, 4, '/admin'), { status: 0 })
    await until('dpctl shows it in clear', async () =>
      /127\.0\.0\.1.*http/.test((await node.dpctl('flows', '--state', 'all')).stdout),
    )
  })

  await t.test("another's address is dropped, and told with the pod's name", async (t) => {
    const arrived = async () =>
      Number(/^Udp: \d+ (\d+)/m.exec((await client.exec('cat', ['/proc/net/snmp'])).stdout)?.[1])
    const before = await arrived()
    for (const source of ['10.99.0.1', web.ip4]) {
      const sent = await web.exec('python3', ['-c', FORGED_SOURCE, source, client.ip4])
      t.equal(sent.status, 0, sent.stderr)
    }
    await until('the own one arrives', async () => (await arrived()) > before)
    t.equal(await arrived(), before + 1)
    await until('told', () =>
      /"reason":"spoofed-ip"[^\n]*"pod":"web"|"pod":"web"[^\n]*"reason":"spoofed-ip"/.test(
        readFileSync(join(node.dir, 'events.json'), 'utf8'),
      ),
    )
  })

  await t.test('a decided flow leaves user space; a forged mark does not', async (t) => {
    const before = await queued(web)
    const bulk = await client.exec(process.execPath, ['-e', BULK, web.ip4])
    t.equal(bulk.stdout.trim(), `${BULK_OCTETS}`)
    const packets = (await queued(web)) - before
    t.ok(packets < 500, `${packets} packets of 32 MiB there and back were queued`)
    const jailed = await node.addPod('jailed')
    t.equal(await reach(jailed, web, 7), OK)
    const forged = await jailed.exec('python3', ['-c', FORGE, web.ip4])
    t.equal(forged.stdout.trim(), '0', forged.stderr)
    await node.removePod(jailed)
  })

  await t.test('a policy that denies a live flow cuts it', async (t) => {
    const flow = client.exec(process.execPath, ['-e', TALK_ON, web.ip4])
    await until('it is there', async () =>
      (await web.exec('ss', ['-Htn', 'sport = :7'])).stdout.includes('ESTAB'),
    )
    const text = policyOf('web', 'closed', WEB('{ port: 9 }'))
    await node.policy('p.yaml', `${text}---\n${OPEN}---\n${JAILED}`)
    const startedMs = Date.now()
    t.match(await flow, { stdout: /ECONNRESET|closed/ })
    const tookMs = Date.now() - startedMs
    t.ok(tookMs < 1000, `${tookMs} ms after it was in force`)
    await until(
      'both ends are gone',
      async () => !(await web.exec('ss', ['-Htn', 'sport = :7'])).stdout.includes('ESTAB'),
    )
    await node.policy('p.yaml', `${policyOf('web', 'closed', WEB(ECHO))}---\n${OPEN}`)
  })

  await t.test('rules that somebody changed are set back', async (t) => {
    // eth0 and lo are set back by themselves: which of them comes first in a chain is nobody's matter.
    const lines = async () => (await rulesOf(web)).split('\n').sort().join('\n')
    const sound = await lines()
    await web.exec('iptables', ['-t', 'mangle', '-F'])
    await until('set back', async () => (await lines()) === sound)
    await web.exec('ip6tables', ['-t', 'mangle', '-I', 'INPUT', '1', '-j', 'ACCEPT'])
    await until('moved behind', async () =>
      /-A INPUT [^\n]*vethwall-in[^\n]*\n-A INPUT -j ACCEPT\n/.test(
        await rulesOf(web, 'ip6tables'),
      ),
    )
    await web.exec('ip6tables', ['-t', 'mangle', '-D', 'INPUT', '-j', 'ACCEPT'])
    t.equal(await reach(client, web, 8), DENIED)
    t.match(await node.dpctl('status'), { stdout: /endpoints/i })
  })

  await t.test('dpd gone: open passes, closed is cut; back: judged again', async (t) => {
    const open = await node.addPod('open')
    await startEcho(open, node.dir, { tcp: [7, 8] })
    t.equal(await reach(client, open, 8), DENIED)
    await node.stopDpd('SIGKILL')
    t.equal(await reach(client, open, 8), OK)
    t.equal(await reach(client, web, 7), 'silence,silence')
    await node.startDpd()
    t.equal(await reach(client, open, 8), DENIED)
    t.equal(await reach(client, web, 7), OK)
  })

  await t.test('DEL takes the rules away', async (t) => {
    await node.chain.check(node.attachment('web'))
    await node.chain.del(node.attachment('web'))
    for (const tool of ['iptables', 'ip6tables']) {
      t.notMatch((await web.exec(`${tool}-save`, [])).stdout, /vethwall|vw-|NFQUEUE/)
    }
  })
})

/** A plugin of another dataplane: its BPF filter, which accepts, stands on the host's end. */
const FILTERING = `#!/bin/sh
[ "$CNI_COMMAND" = ADD ] || exit 0
result=$(python3 -c 'import json,sys; print(json.dumps(json.load(sys.stdin)["prevResult"]))')
host=$(echo "$result" | python3 -c 'import json,sys; print(next(i["name"] for i in json.load(sys.stdin)["interfaces"] if i["name"].startswith("veth")))')
tc qdisc add dev "$host" clsact
tc filter add dev "$host" egress bpf bytecode '1,6 0 0 0'
echo "$result"
`

t.test('driver nfqueue by choice, on a veth; auto, where another dataplane has it', async (t) => {
  const { node, web, client } = await makeWorld(t, {
    ...{ name: `vwnf${process.pid}`, entry: { driver: 'nfqueue' }, dpdConfig: 'driver: nfqueue\n' },
  })
  await node.policy('p.yaml', policyOf('web', 'closed', WEB(ECHO)))
  t.equal(await reach(client, web, 7), OK)
  t.equal(await reach(client, web, 8), DENIED)
  const { stdout } = await node.dpctl('pods', '-o', 'wide')
  t.match(
    stdout,
    /default\/web\/eth0.* inline .* nfqueue .* rules +configured: "driver": "nfqueue"/,
  )
  t.match(await node.dpctl('release', 'default/web'), { status: 0, stdout: /web/ })
  t.notMatch(await rulesOf(web), /vethwall|NFQUEUE/)
  t.equal(await reach(client, web, 8), OK, 'no longer judged')
  writeFileSync(join(node.dir, 'bin', 'filtering'), FILTERING, { mode: 0o755 })
  const { list, options } = node.chain
  const auto = { type: 'vethwall', instance: node.instance.name }
  const primary = list.plugins.filter(({ type }) => type !== 'vethwall')
  const chainOf = (...more: { type: string }[]) =>
    new CniChain({ ...list, plugins: [...primary, ...more] }, options)
  await node.addPod('filtered', 'default', chainOf({ type: 'filtering' }, auto))
  await node.addPod('plain', 'default', chainOf(auto))
  const wide = (await node.dpctl('pods', '-o', 'wide')).stdout
  t.match(wide, /default\/filtered.* nfqueue .* rules +veth\w+, the host end of eth0, carries BPF/)
  t.match(wide, /default\/plain.* bpf .* swap +the first that works here/)
})
