// Pods that ran before dpd: taken in and given back under traffic that never stops, by hairpin and by swap.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startWeb } from '../../demo/servers.js'
import { releaseInstance } from '../../src/install/release.js'
import { os } from '../../src/intercept/addon.js'
import { chooseDriver } from '../../src/intercept/drivers.js'
import { removeEnforcer } from '../../src/intercept/enforcer.js'
import { attachHairpin } from '../../src/intercept/hairpin/attach.js'
import { until } from '../node.js'
import { root } from '../root.js'
import { podDump } from './pod-dump.js'
import { DATAGRAMS, STREAMS, servePeer, type Told, Traffic, tcpCounters } from './running/driver.js'
import { cachePod, runningNode } from './running/stage.js'
import { startEcho, talk } from './talk.js'

const ROUNDS = 50
const POLICY = `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: app, namespace: default }
spec:
  podSelector: { matchLabels: { app: app } }
  mode: protect
  egress: [{}]
  ingress:
    - { name: no-admin, action: deny, ports: [{ protocol: TCP, port: 80 }], http: [{ paths: ['/admin'] }] }
    - { name: no-echo, action: deny, ports: [{ protocol: TCP, port: 8 }] }
    - {}
`
const LABELS = 'pods:\n  - { namespace: default, name: app, labels: { app: app } }\n'
const MARKER_OF_FIRST = '4e6575560001'

/** Hairpin: at most one datagram of each flow, no retransmission. */
function unharmed(t: Test, told: Told, what: string): void {
  for (const name of DATAGRAMS) {
    const { sent, lost } = told[name]
    t.ok(sent > 0 && lost <= 1, `${what}: ${name} lost ${lost} of ${sent}`)
  }
  for (const name of STREAMS) {
    const { error, turns, retransmits, slowestMs } = told[name]
    t.equal(error, null, `${what}: ${name} lives`)
    t.ok(
      turns > 0 && retransmits === 0,
      `${what}: ${name} ${turns} turns, slowest ${slowestMs} ms, ${retransmits} sent again`,
    )
  }
  const { received, lost } = told.group
  t.ok(received > 0 && lost <= 1, `${what}: multicast lost ${lost}, received ${received}`)
}

t.setTimeout(300_000)
t.test('running pods', async (t) => {
  const { node, cache, peer, app, netns } = await runningNode(`vwrun${process.pid}`)
  t.teardown(async () => {
    await node.close()
    rmSync(cache, { recursive: true })
  })
  await servePeer(peer, join(node.dir, 'peer.log'))
  await startWeb(app, node.dir)
  await startEcho(app, node.dir, { tcp: [8] })
  const traffic = new Traffic(app, peer)
  t.teardown(() => traffic.stop())
  await until('the streams run', async () => (await traffic.told()).tcp6.turns > 0)
  const eth0 = Number(netns.ipJson('link show eth0')[0]?.ifindex)
  const before = { ...podDump(netns), tc: netns.exec('tc', ['qdisc']) }
  const now = () => ({ ...podDump(netns), tc: netns.exec('tc', ['qdisc']) })
  const get = (path: string, seconds = '20') =>
    peer.exec('curl', ['-sS', '-m', seconds, `http://${app.ip4}${path}`])
  /** Silence is no answer either. */
  const isServed = async () => (await get('/items/1', '1')).stdout.includes('hello')

  await t.test('found, and adopted by hairpin', async (t) => {
    await node.startDpd()
    const listed = await node.dpctl('pods', '--unadopted')
    t.match(listed.stdout, /default\/app\/eth0 +hairpin +no/)
    t.equal(listed.stdout.trim().split('\n').length, 2, 'what is gone or no cache file is not told')
    await traffic.told()
    const adopted = await node.dpctl('adopt', 'default/app')
    t.equal(adopted.status, 0, adopted.stdout + adopted.stderr)
    t.match(adopted.stdout, /default\/app\/eth0 +yes +hairpin +- /)
    unharmed(t, await traffic.told(), 'adopted')
    t.match((await node.dpctl('pods')).stdout, /default\/app\/eth0 .* discover +tap/)
    t.match((await node.dpctl('adopt', '--all')).stdout, /POD/, 'nothing is left to adopt')
    const flows = await node.dpctl('flows')
    t.match(flows.stdout, /7000/, 'its traffic is seen')
  })

  await t.test('protect is enforced, live flows go on', async (t) => {
    writeFileSync(join(node.endpointsDir, 'pods.yaml'), LABELS)
    await node.policy('app.yaml', POLICY)
    await until('inline', async () => /protect +inline/.test((await node.dpctl('pods')).stdout))
    unharmed(t, await traffic.told(), 'protect')
    t.match((await get('/items/1')).stdout, /hello from app/, 'an allowed request passes')
    const denied = await get('/admin')
    t.ok(
      denied.status === 56 || /Denied by/.test(denied.stdout),
      `${denied.stdout}${denied.stderr}`,
    )
    const [heard] = await talk(peer, [{ host: app.ip4, port: 8 }])
    t.equal(heard?.how, 'ECONNREFUSED', 'a denied port is refused')
  })

  await t.test('decided flows pass at eth0', async (t) => {
    const frames = async () => {
      const url = ['--unix-socket', node.instance.socketPath, 'http://dpd/metrics']
      const { stdout } = await node.exec('curl', ['-sS', ...url])
      return Number(/^vethwall_engine_frames_total (\d+)$/m.exec(stdout)?.[1])
    }
    let seen = 0
    let turns = 0
    await until('the engine sees less than one stream sends', async () => {
      await traffic.told()
      const before = await frames()
      await peer.exec('ping', ['-c', '2', '-i', '0.2', '127.0.0.1'])
      const told = await traffic.told()
      seen = (await frames()) - before
      turns = told.tcp4.turns
      unharmed(t, told, 'cut')
      return seen < turns
    })
    t.comment(`${seen} frames came up in ${turns} turns of each stream`)
  })

  await t.test('forged markers get nowhere', async (t) => {
    const watch = peer.exec('timeout', ['3', 'tcpdump', '-Anli', 'eth0', 'not', 'tcp'])
    const forge = join(root, 'test/system/running/forge.py')
    for (const device of ['vw0', 'eth0']) {
      const sent = await app.exec('python3', [forge, device, MARKER_OF_FIRST, `forged-${device}`])
      t.equal(sent.status, 0, sent.stderr)
    }
    const { stdout } = await watch
    t.match(stdout, /7001/, 'the peer sees the rest')
    t.notMatch(stdout, /forged-/)
    const socket = ['--unix-socket', node.instance.socketPath, 'http://dpd/metrics']
    const { stdout: metrics } = await node.exec('curl', ['-sS', ...socket])
    t.match(metrics, /forged_marker"\} 9/, 'six on vw0, three on eth0')
    unharmed(t, await traffic.told(), 'forgery')
  })

  await t.test('released as it was', async (t) => {
    await traffic.told()
    const released = await node.dpctl('release', 'default/app')
    t.equal(released.status, 0, released.stdout + released.stderr)
    unharmed(t, await traffic.told(), 'released')
    t.same(now(), before, 'the pod is as it was')
    t.match((await node.dpctl('pods', '--unadopted')).stdout, /default\/app\/eth0 +hairpin +yes/)
    t.match((await get('/admin')).stdout, /hello/, 'not enforced')
  })

  await t.test('by swap', async (t) => {
    const swapped = async (what: string, args: string[]) => {
      const earlier = await tcpCounters(app)
      await traffic.told()
      const moved = await node.dpctl(...args)
      t.equal(moved.status, 0, moved.stdout + moved.stderr)
      const after = await traffic.told()
      let told = await traffic.told()
      t.comment(`${what}: ${JSON.stringify(after)}`)
      await until(`${what}: the bound socket goes on`, async () => {
        told = await traffic.told()
        return told.bound.sent > 0 && told.bound.lost === 0
      })
      const later = await tcpCounters(app)
      const more = (name: string) => (later.get(name) ?? 0) - (earlier.get(name) ?? 0)
      for (const name of STREAMS) t.equal(told[name].error, null, `${what}: ${name} lives`)
      // The gap is some 0.2 s, as long as the least RTO: each of two connections may wait for one.
      t.ok(more('TCPTimeouts') <= 2, `${what}: ${more('TCPTimeouts')} time-outs`)
      t.ok(more('TCPLossProbes') <= 2, `${what}: ${more('TCPLossProbes')} probes`)
      return moved.stdout
    }
    const text = await swapped('swap', ['adopt', 'default/app', '--by', 'swap'])
    t.match(text, /yes +swap +membership of 239\.7\.7\.7/)
    await swapped('swap back', ['release', '--all'])
    t.same(now(), before, 'the pod is as it was')
  })

  await t.test(`given back ${ROUNDS} times by the uninstaller`, async (t) => {
    await node.stopDpd()
    const { instance } = node
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const spec = {
      ...{ containerID: app.containerID, ifName: 'eth0', network: node.chain.list.name },
      ...{ netns: app.netnsPath, namespace: 'default', pod: 'app', podUid: null },
      ...{ failure: 'open' as const, isRunning: true },
    }
    await traffic.told()
    for (let round = 1; round <= ROUNDS; round++) {
      const isLost = round === ROUNDS
      const { driver, why } = chooseDriver(os, instance, 'bpf')
      const context = { os, instance, driver, why, bootId, now: () => '', warn: t.fail }
      attachHairpin(context, spec)
      driver.close()
      // Its pods live on: what is on eth0 must go all the same.
      if (isLost) removeEnforcer(os, instance)
      if (releaseInstance(instance, () => {}) !== 0) t.fail(`round ${round}`)
    }
    const told = await traffic.told()
    for (const name of STREAMS) t.equal(told[name].retransmits, 0)
    t.ok(
      told.udp4.lost <= ROUNDS && told.udp6.lost <= ROUNDS,
      `lost ${told.udp4.lost}, ${told.udp6.lost}`,
    )
    t.same(now(), before, 'the pod is as it was')
    const hooks = [true, false].flatMap((out) => os.bpf.tcxPrograms(netns.fd, eth0, out))
    t.same(hooks, [], 'and nothing is left on its hooks')
  })

  await t.test('quarantine, and dpd killed', async (t) => {
    // Its flows end with it: nothing is asked of the traffic from here on.
    traffic.stop()
    await node.startDpd()
    t.equal((await node.dpctl('adopt', '--all')).status, 0)
    await node.dpctl('quarantine', 'default/app', '--reason', 'test')
    t.notOk(await isServed(), 'quarantined')
    await node.dpctl('quarantine', 'default/app', '--release')
    t.match((await get('/items/1')).stdout, /hello/, 'released')
    await node.stopDpd('SIGKILL')
    await until('cut', async () => !(await isServed()))
    await node.startDpd()
    await until('served', isServed)
  })

  await t.test('what somebody removes is mended', async (t) => {
    const hooks = () =>
      [true, false].map((isEgress) => os.bpf.tcxPrograms(netns.fd, eth0, isEgress))
    const [[egress] = [], [ingress] = []] = hooks()
    os.bpf.tcxDetach(netns.fd, eth0, true, egress?.id ?? 0)
    os.bpf.tcxDetach(netns.fd, eth0, false, ingress?.id ?? 0)
    await until('both programs are back', () => hooks().every((found) => found.length === 1))
    netns.ip('link del vw0')
    await until('vw0 is back', () => netns.ip('-o link').includes('vw0'))
    await until('served', isServed)
    t.match((await node.dpctl('pods')).stdout, /default\/app\/eth0 .* inline/)
    t.equal((await node.dpctl('release', '--all')).status, 0)
    t.same(now(), before, 'the pod is as it was')
  })

  await t.test(
    'what the configuration names comes in untold, and stays out once released',
    async (t) => {
      cachePod(node, cache, await node.addPod('wanted'))
      node.dpd?.kill('SIGHUP')
      const pods = async () => (await node.dpctl('pods')).stdout
      await until('adopted', async () => /default\/wanted\/eth0 /.test(await pods()))
      t.notMatch(await pods(), /default\/app/, 'and nothing else')
      t.equal((await node.dpctl('release', 'default/wanted')).status, 0)
      await node.stopDpd()
      await node.startDpd()
      t.match((await node.dpctl('pods', '--unadopted')).stdout, /default\/wanted\/eth0 /)
      t.notMatch(await pods(), /default\/wanted/)
    },
  )
})
