/** NetworkPolicy documents on the traffic of real pods: peers, ports, blocks, both directions. */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Node, type Pod, until } from '../node.js'
import { type Call, startEcho, talk } from './talk.js'

const WHO = `namespaces: [{ name: data, labels: { team: data } }]
pods:
  - { namespace: shop, name: web, labels: { app: web } }
  - { namespace: shop, name: cart, labels: { app: cart } }
  - { namespace: shop, name: other, labels: { app: other } }
  - { namespace: data, name: pg, labels: { app: pg } }
  - { namespace: data, name: spare, labels: { app: spare } }
`
const policies = (web: Pod, cart: Pod) => `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: web, namespace: shop }
spec:
  podSelector: { matchLabels: { app: web } }
  ingress:
    - from: [{ podSelector: { matchLabels: { app: cart } } }]
      ports: [{ port: 80 }, { protocol: TCP, port: 8080, endPort: 8081 }]
    - from:
        - namespaceSelector: { matchLabels: { team: data } }
          podSelector: { matchExpressions: [{ key: app, operator: In, values: [pg] }] }
      ports: [{ protocol: UDP, port: 5000 }]
    - from:
        - ipBlock: { cidr: 10.77.0.0/16, except: [${cart.ip4}/32] }
        - ipBlock: { cidr: 'fd00:77::/64', except: ['${cart.ip6}/128'] }
      ports: [{ port: 9000 }]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: other-out, namespace: shop }
spec:
  podSelector: { matchLabels: { app: other } }
  policyTypes: [Egress]
  egress:
    - to:
        - ipBlock: { cidr: ${web.ip4}/32 }
        - ipBlock: { cidr: '${web.ip6}/128' }
      ports: [{ port: 9000 }]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: pg, namespace: data }
spec:
  podSelector: { matchLabels: { app: pg } }
  ingress: []
`

interface World {
  readonly node: Node
  readonly pods: Readonly<Record<'web' | 'cart' | 'other' | 'pg' | 'spare', Pod>>
}

async function makeWorld(t: Test): Promise<World> {
  const node = new Node({ name: `vwnp${process.pid}` })
  t.teardown(() => node.close())
  writeFileSync(join(node.endpointsDir, 'who.yaml'), WHO)
  await node.startDpd()
  const pods = {
    web: await node.addPod('web', 'shop'),
    cart: await node.addPod('cart', 'shop'),
    other: await node.addPod('other', 'shop'),
    pg: await node.addPod('pg', 'data'),
    spare: await node.addPod('spare', 'data'),
  }
  await startEcho(pods.web, node.dir, { tcp: [80, 8080, 8081, 8082, 9000], udp: [5000, 5001] })
  await startEcho(pods.pg, node.dir, { tcp: [5432], udp: [5000] })
  await node.policy('np.yaml', policies(pods.web, pods.cart))
  return { node, pods }
}

const address = (pod: Pod, family: 4 | 6) => (family === 4 ? pod.ip4 : pod.ip6)

/** What `tcpdump` says about the first matching packet while `act` runs. */
async function firstPacket(pod: Pod, filter: string, act: () => Promise<unknown>): Promise<string> {
  const dump = spawn('nsenter', [
    `--net=${pod.netnsPath}`,
    ...['tcpdump', '-lnn', '-c', '1', '-i', 'eth0', filter],
  ])
  let out = ''
  let ready = ''
  dump.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk
  })
  dump.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    ready += chunk
  })
  await until('tcpdump listens', () => ready.includes('listening'))
  await act()
  await until(`${pod.name} sees ${filter}`, () => out !== '', 3000).catch(() => {})
  dump.kill('SIGKILL')
  return out
}

t.setTimeout(180_000)
t.test('NetworkPolicy on real traffic', async (t) => {
  const { node, pods } = await makeWorld(t)
  const { web, cart, other, pg, spare } = pods
  const expectAll = async (
    t: Test,
    from: Pod,
    cases: readonly (Omit<Call, 'host'> & { to: Pod; ok: boolean })[],
  ) => {
    for (const family of [4, 6] as const) {
      const heard = await talk(
        from,
        cases.map(({ to, ok: _ok, ...call }) => ({ ...call, host: address(to, family) })),
      )
      for (const [i, { to, port, protocol = 'tcp', ok }] of cases.entries()) {
        const { how, tookMs } = heard[i] ?? { how: 'none', tookMs: 0 }
        const label = `IPv${family} ${from.name} > ${to.name}:${port}/${protocol}: ${how}, ${tookMs} ms`
        if (ok) t.equal(how, 'ok', label)
        else {
          const told = protocol === 'tcp' ? /^ECONN(REFUSED|RESET)$/ : /^(EHOSTUNREACH|EACCES)$/
          t.match(how, told, label)
          t.ok(tookMs < 1000, 'told at once')
        }
      }
    }
  }

  await t.test('ports and endPort', (t) =>
    expectAll(t, cart, [
      { to: web, port: 80, ok: true },
      { to: web, port: 8080, ok: true },
      { to: web, port: 8081, ok: true },
      { to: web, port: 8082, ok: false },
      { to: web, port: 5000, protocol: 'udp', ok: false },
      { to: web, port: 9000, ok: false },
    ]),
  )
  await t.test('namespaceSelector with podSelector; ipBlock and except', async (t) => {
    await expectAll(t, pg, [
      { to: web, port: 5000, protocol: 'udp', ok: true },
      { to: web, port: 5001, protocol: 'udp', ok: false },
      { to: web, port: 80, ok: false },
      { to: web, port: 9000, ok: true },
    ])
    await expectAll(t, spare, [
      { to: web, port: 5000, protocol: 'udp', ok: false },
      { to: web, port: 9000, ok: true },
    ])
  })
  await t.test('egress; ingress denied altogether', async (t) => {
    await expectAll(t, other, [
      { to: web, port: 9000, ok: true },
      { to: web, port: 80, ok: false },
      { to: pg, port: 5432, ok: false },
      { to: pg, port: 5000, protocol: 'udp', ok: false },
    ])
    await expectAll(t, spare, [{ to: pg, port: 5432, ok: false }])
  })

  await t.test('UDP is answered 3/13 and 1/1', async (t) => {
    const send = (family: 4 | 6) => () =>
      talk(spare, [{ protocol: 'udp', host: address(pg, family), port: 5000 }])
    const four = await firstPacket(spare, 'icmp[0] = 3 and icmp[1] = 13', send(4))
    t.match(four, /unreachable - admin prohibited/)
    const six = await firstPacket(spare, 'icmp6 and ip6[40] = 1 and ip6[41] = 1', send(6))
    t.match(six, /unreachable/i)
  })

  await t.test('under default deny ARP and ND go on, ping does not', async (t) => {
    for (const [family, neighbour] of [
      ['-4', pg.ip4],
      ['-6', pg.ip6],
    ] as const) {
      await spare.exec('ip', ['neigh', 'flush', 'dev', 'eth0'])
      const ping = await spare.exec('ping', [family, '-c', '1', '-W', '1', neighbour])
      t.not(ping.status, 0, `ping ${neighbour}`)
      const { stdout } = await spare.exec('ip', [family, 'neigh', 'show', neighbour])
      t.match(stdout, /lladdr/, 'its link-layer address is known')
    }
    t.equal((await web.exec('ping', ['-c', '1', '-W', '1', web.ip4])).status, 0, 'itself')
  })

  await t.test('the node reaches its pods, each denial is explained', async (t) => {
    for (const host of [web.ip4, `[${web.ip6}]`]) {
      const script = `require('net').connect(8082, '${host.replace(/[[\]]/g, '')}', function () { this.end(); console.log('in') }).on('error', (e) => console.log(e.code))`
      const inside = await node.exec(process.execPath, ['-e', script])
      t.equal(inside.stdout.trim(), 'in', `node > ${host}`)
    }
    const list = (await node.api('/v1/flows?verdict=deny')) as { flows: { flow: number }[] }
    t.ok(list.flows.length > 15, `${list.flows.length} denied flows`)
    for (const { flow } of list.flows.slice(-5)) {
      const why = await node.dpctl('why', String(flow))
      t.match(why.stdout, /^pod: +(shop|data)\/\w+\/eth0/m)
      t.match(why.stdout, /^peer: +(shop|data)\/\w+ \(/m)
      t.match(why.stdout, /^app: +/m)
      t.match(why.stdout, /^rule: +default-deny/m)
    }
  })
})
