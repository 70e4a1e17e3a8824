import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { PodView } from '../../src/core/api/endpoint.js'
import type { FlowView } from '../../src/core/api/flow.js'
import { ApiRefusal } from '../../src/core/api/protocol.js'
import { run } from '../../src/dpctl/run.js'
import { createServer, json, type Route } from '../../src/dpd/api/http.js'
import { listenOnSocket } from '../../src/dpd/api/listen.js'

const POD: PodView = {
  ...{ endpoint: 7, namespace: 'default', pod: 'web', ifName: 'eth0', containerID: 'abc' },
  ...{ podUid: null, addresses: ['10.1.0.7/24'], labels: { app: 'web' }, driver: 'bpf' },
  ...{ path: 'inline', mode: 'protect', modeBy: 'policy', failure: 'closed', quarantined: false },
  quarantine: { reason: 'beacons', since: '2026-01-01T00:00:00Z' },
  ...{
    policies: ['default/web'],
    liveFlows: 1,
    learned: 0,
    spoofed: 0,
    createdAt: '2026-01-01T00:00:00Z',
  },
  ...{ attachment: 'swap', driverWhy: 'the first that works here' },
}
const FLOW: FlowView = {
  ...{ flow: 42, endpoint: 7, namespace: 'default', pod: 'web', ifName: 'eth0' },
  ...{ direction: 'ingress', protocol: 6, vlan: 0, app: 'http', start: 'syn' },
  ...{ source: '10.2.0.1', sourcePort: 40000, destination: '10.1.0.7', destinationPort: 80 },
  ...{ mode: 'protect', verdict: 'deny', would: null, fields: {} },
  peer: { address: '10.2.0.1', name: 'default/client' },
  decision: {
    ...{ verdict: 'deny', policy: 'default/web', rule: 'default/web/no-admin' },
    ...{ reason: 'deny-rule', generation: 3 },
  },
  transactions: [],
  transactionsTotal: 0,
  startedAt: '2026-01-01T00:00:00Z',
  ...{ endedAt: null, how: null, counts: null, runs: 'engine', runsWhy: 'decided' },
}
const STATUS = {
  ...{ version: '0.1.0', instance: 'x', pid: 1, startedAt: 'now', driver: 'bpf' },
  quarantined: [{ pod: 'default/web/eth0', reason: 'beacons', since: '2026-01-01T00:00:00Z' }],
  spoofed: { frames: 3, pods: ['default/web'] },
  ...{ endpoints: 1, liveFlows: 0, events: { file: null, written: 0, lost: 0 }, findings: [] },
  policy: {
    ...{ generation: 3, policies: 1, rules: 1, source: 'files', loadedAt: 'now', faults: [] },
  },
}
const FAULT = { file: '/p.yaml', line: 3, column: 5, message: 'unknown key' }

interface Run {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function dpctl(argv: readonly string[], files: Record<string, string> = {}): Promise<Run> {
  let out = ''
  let err = ''
  const code = await run(argv, {
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
    signal: AbortSignal.timeout(5000),
    readFile: (path) => {
      const text = files[path]
      if (text === undefined) throw new Error('ENOENT')
      return Buffer.from(text)
    },
  })
  return { code, out, err }
}

/** A dpd that answers by these routes; resolves to the options that reach it. */
async function fakeDpd(t: Test, routes: readonly Route[]): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'vw-dpctl-'))
  const server = createServer(routes, () => undefined)
  await listenOnSocket(server, join(dir, 's'))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
    rmSync(dir, { recursive: true })
  })
  return ['--socket', join(dir, 's')]
}

t.test('usage: exit 2', async (t) => {
  for (const argv of [[], ['frob'], ['why'], ['why', 'x'], ['mode', 'default/web', 'lax']]) {
    t.match(await dpctl(argv), { code: 2, out: '', err: /usage: dpctl/ }, argv.join(' '))
  }
  t.match(await dpctl(['flows', '--verdict', 'maybe']), { code: 2, err: /--verdict/ })
  const replay = ['replay', 'x.pcap', '--resolvers', '10.0.0.1,localhost']
  t.match(await dpctl(replay, { 'x.pcap': '' }), { code: 2, err: /--resolvers localhost/ })
  t.match(await dpctl(['status', '--instance', '../x']), { code: 2 })
  t.match(await dpctl(['status', '-o', 'xml']), { code: 2 })
  t.match(await dpctl(['--version']), { code: 0, out: /^dpctl \d/ })
  t.match(await dpctl(['--help']), { code: 0, out: /dpctl policy learn POD/ })
})

t.test('unreachable: exit 3', async (t) => {
  t.match(await dpctl(['status', '--socket', '/nowhere/s']), {
    code: 3,
    err: /\/nowhere\/s.*systemctl/,
  })
  const socket = await fakeDpd(t, [
    { method: 'GET', path: '/v1/pods', handle: () => json({ pods: 7 }) },
  ])
  t.match(await dpctl(['pods', ...socket]), { code: 3, err: /another version/ })
})

t.test('status: exit 1 where something needs the operator', async (t) => {
  const well = await fakeDpd(t, [{ method: 'GET', path: '/v1/status', handle: () => json(STATUS) }])
  t.match(await dpctl(['status', ...well]), {
    ...{
      code: 0,
      out: /policy: +generation 3[\s\S]*spoofed: +3 frames, from default\/web[\s\S]*quarantine: default\/web\/eth0, since 2026\S+: beacons/,
    },
  })
  const ill = { ...STATUS, policy: { ...STATUS.policy, faults: [FAULT] }, findings: ['1 fault'] }
  const socket = await fakeDpd(t, [{ method: 'GET', path: '/v1/status', handle: () => json(ill) }])
  t.match(await dpctl(['status', ...socket]), { code: 1, out: /fault: \/p\.yaml:3:5: unknown key/ })
})

t.test('pods and mode', async (t) => {
  const asked: unknown[] = []
  const socket = await fakeDpd(t, [
    { method: 'GET', path: '/v1/pods', handle: () => json({ pods: [POD] }) },
    {
      method: 'POST',
      path: '/v1/mode',
      handle: ({ body }) => {
        asked.push(body)
        throw new ApiRefusal(404, 'no-such-pod', 'pod "a/b": not intercepted here')
      },
    },
  ])
  t.match((await dpctl(['pods', ...socket])).out, /default\/web\/eth0 +7 +protect +inline +closed/)
  t.match((await dpctl(['pods', '-o', 'wide', ...socket])).out, /beacons .*app=web/)
  t.match(JSON.parse((await dpctl(['pods', '-o', 'json', ...socket])).out), { pods: [POD] })
  t.match(await dpctl(['mode', 'a/b', 'protect', ...socket]), { code: 1, err: /not intercepted/ })
  t.same(asked, [{ protocol: 1, pod: 'a/b', mode: 'protect' }])
})

t.test('flows and why: a denial names pod, peer, app, rule', async (t) => {
  const evil = { ...FLOW, fields: { note: '\u001b[31mred' } }
  const socket = await fakeDpd(t, [
    { method: 'GET', path: '/v1/flows', handle: () => json({ flows: [evil] }) },
    {
      method: 'GET',
      path: '/v1/flows/:flow/why',
      handle: () => json({ flow: FLOW, because: ['Denied: because.'] }),
    },
  ])
  const list = await dpctl(['flows', '--verdict', 'deny', ...socket])
  t.match(
    list.out,
    /default\/web +ingress +default\/client \(10\.2\.0\.1:40000\) +tcp +http +deny +default\/web\/no-admin/,
  )
  t.notMatch(list.out, '\u001b', 'a terminal never sees escapes from the network')
  const why = await dpctl(['why', '42', ...socket])
  t.match(why.out, /rule: +default\/web\/no-admin[\s\S]*Denied: because\./)
})

t.test('flows -f: a line each, until the stream ends', async (t) => {
  const socket = await fakeDpd(t, [
    {
      method: 'GET',
      path: '/v1/flows',
      handle: () => ({
        kind: 'stream',
        start: (write) => {
          for (const event of ['opened', 'closed']) write({ protocol: 1, event, flow: FLOW })
          return () => undefined
        },
      }),
    },
  ])
  const stop = new AbortController()
  let out = ''
  const code = await run(['flows', '-f', '-o', 'json', ...socket], {
    out: (text) => {
      out += text
      if (out.split('\n').length > 2) stop.abort()
    },
    err: t.fail,
    signal: stop.signal,
    readFile: () => new Uint8Array(),
  })
  t.equal(code, 0)
  t.same(
    out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { event: string }).event),
    ['opened', 'closed'],
  )
})

t.test('policy check needs no dpd', async (t) => {
  const good =
    'apiVersion: vethwall.dev/v1\nkind: Policy\nmetadata: { name: a, namespace: b }\nspec:\n  podSelector: {}\n'
  t.match(await dpctl(['policy', 'check', 'a.yaml'], { 'a.yaml': good }), { code: 0, out: /b\/a/ })
  const bad = await dpctl(['policy', 'check', 'a.yaml'], { 'a.yaml': `${good}  mood: x\n` })
  t.match(bad, { code: 1, out: /^a\.yaml:\d+:\d+: / })
  t.match(await dpctl(['policy', 'check', 'absent.yaml']), { code: 2, err: /absent\.yaml/ })
})

t.test('quarantine: with a reason or released, and only what is in force is success', async (t) => {
  const asked: unknown[] = []
  let path = 'quarantine'
  const socket = await fakeDpd(t, [
    {
      method: 'POST',
      path: '/v1/quarantine',
      handle: ({ body }) => {
        asked.push(body)
        return json({ pods: [{ ...POD, path }] })
      },
    },
  ])
  for (const wrong of [[], ['--reason', ' '], ['--reason', 'x', '--release']]) {
    t.match(await dpctl(['quarantine', 'a/b', ...wrong, ...socket]), { code: 2 }, wrong.join(' '))
  }
  t.match(await dpctl(['quarantine', 'a/b', '--reason', 'beacons', ...socket]), { code: 0 })
  t.match(await dpctl(['quarantine', 'a/b', '--release', ...socket]), {
    ...{ code: 1, err: /not in force/ },
  })
  path = 'tap'
  t.match(await dpctl(['quarantine', 'a/b', '--release', ...socket]), { code: 0 })
  t.same(asked.slice(0, 2), [
    { protocol: 1, pod: 'a/b', reason: 'beacons' },
    { protocol: 1, pod: 'a/b', reason: null },
  ])
})
