/** dpd stopped, killed, absent, back: what each failure setting does to real traffic, and how fast. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Node, type Pod, until } from '../node.js'
import { startEcho, talk } from './talk.js'

const WHO = `pods:
  - { namespace: default, name: 'open*', labels: { app: open } }
  - { namespace: default, name: 'closed*', labels: { app: closed } }
`
const policyOf = (failure: string): string => `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: ${failure}, namespace: default }
spec:
  podSelector: { matchLabels: { app: ${failure} } }
  mode: protect
  failure: ${failure}
  ingress: [{ name: echo, ports: [{ port: 7 }] }]
`
interface World {
  readonly node: Node
  readonly open: Pod
  readonly closed: Pod
  readonly client: Pod
}
async function makeWorld(t: Test): Promise<World> {
  const node = new Node({ name: `vwda${process.pid}` })
  t.teardown(async () => {
    node.dpd?.kill('SIGCONT')
    await node.close()
  })
  writeFileSync(join(node.endpointsDir, 'who.yaml'), WHO)
  writeFileSync(join(node.policyDir, 'p.yaml'), `${policyOf('open')}---\n${policyOf('closed')}`)
  await node.startDpd()
  const open = await node.addPod('open')
  const closed = await node.addPod('closed')
  const client = await node.addPod('client')
  for (const pod of [open, closed]) await startEcho(pod, node.dir, { tcp: [7, 8] })
  return { node, open, closed, client }
}

/** Both families at once: how each ended. */
async function reach(from: Pod, to: Pod, port: number): Promise<string> {
  const hosts = [to.ip4, to.ip6]
  const heard = await talk(
    from,
    hosts.map((host) => ({ host, port, deadlineMs: 500 })),
  )
  return heard.map(({ how }) => how).join()
}
const OK = 'ok,ok'
const CUT = 'silence,silence'
const DENIED = 'ECONNREFUSED,ECONNREFUSED'

t.setTimeout(180_000)
t.test('dpd away', async (t) => {
  const world = await makeWorld(t)
  const { node, open, closed, client } = world
  t.equal(await reach(client, open, 7), OK)
  t.equal(await reach(client, closed, 7), OK)
  t.equal(await reach(client, open, 8), DENIED)

  await t.test('stopped, not killed: direct or cut within a second; then as before', async (t) => {
    node.dpd?.kill('SIGSTOP')
    const from = Date.now()
    await until('open is direct', async () => (await reach(client, open, 8)) === OK, 4000)
    t.comment(`direct after at most ${Date.now() - from} ms`)
    t.ok(Date.now() - from < 2500, 'a client that starts anew gets through')
    t.equal(await reach(client, closed, 7), CUT)

    const added = Date.now()
    const late = await node.addPod('open-late')
    const shut = await node.addPod('closed-late')
    const tookMs = Date.now() - added
    t.ok(tookMs < 6500, `two ADDs beside a silent dpd took ${tookMs} ms`)
    await startEcho(late, node.dir, { tcp: [7, 8] })
    await startEcho(shut, node.dir, { tcp: [7, 8] })
    t.equal(await reach(client, late, 8), OK, 'open by attach.json')
    t.equal(await reach(client, shut, 7), CUT, 'closed by attach.json')

    node.dpd?.kill('SIGCONT')
    for (const pod of [open, late]) {
      await until(
        `${pod.name} is inspected`,
        async () => (await reach(client, pod, 8)) === DENIED,
        5000,
      )
      t.equal(await reach(client, pod, 7), OK)
    }
    for (const pod of [closed, shut]) {
      await until(`${pod.name} is back`, async () => (await reach(client, pod, 7)) === OK, 5000)
      t.equal(await reach(client, pod, 8), DENIED)
    }
  })

  await t.test('a restart: connections live on', async (t) => {
    const program = `const s = require('net').connect(7, process.argv[1], () => setInterval(() => s.write('.'), 50))
      let n = 0; s.on('data', (d) => { n += d.length; console.log(n) }).on('error', (e) => console.log(e.code)).on('close', () => console.log('closed'))`
    const logs = [open.ip4, open.ip6, closed.ip4, closed.ip6].map((host, i) => {
      const log = join(node.dir, `live-${i}.log`)
      client.serve(process.execPath, ['-e', program, host], log)
      return log
    })
    const lines = (log: string) => readFileSync(log, 'utf8').trim().split('\n')
    const count = (log: string) => Number(lines(log).at(-1))
    await until('all talk', () => logs.every((log) => existsSync(log) && count(log) > 3))
    await node.stopDpd()
    await node.startDpd()
    const before = logs.map(count)
    await until('all go on', () => logs.every((log, i) => count(log) > (before[i] ?? 0) + 10), 5000)
    for (const log of logs) t.notMatch(lines(log).join(), /closed|ECONN/)
  })

  await t.test('absent: ADD by attach.json, DEL leaves a notice', async (t) => {
    await node.stopDpd('SIGKILL')
    const from = Date.now()
    const shut = await node.addPod('closed-absent')
    const through = await node.addPod('open-absent')
    t.comment(`two ADDs without dpd took ${Date.now() - from} ms`)
    for (const pod of [shut, through]) await startEcho(pod, node.dir, { tcp: [7] })
    t.equal(await reach(client, shut, 7), CUT)
    t.equal(await reach(client, through, 7), OK)
    await node.removePod(through)
    t.ok(readdirSync(node.instance.noticesDir).length > 0, 'notices wait')
    await node.startDpd()
    await until('served', async () => (await reach(client, shut, 7)) === OK, 5000)
    t.equal(readdirSync(node.instance.noticesDir).length, 0, 'notices taken')
    t.notMatch((await node.dpctl('pods')).stdout, /open-absent/)
  })

  await t.test('/run is emptied under a living dpd: all is found again', async (t) => {
    rmSync(node.instance.runDir, { recursive: true })
    node.dpd?.kill('SIGHUP')
    await until('dpd answers', async () => (await node.api('/v1/status')) !== null)
    const { endpointsDir, attachPath } = node.instance
    await until('the records are back', () => existsSync(endpointsDir), 15_000)
    t.ok(existsSync(attachPath))
    t.equal(await reach(client, open, 7), OK)
    t.equal(await reach(client, open, 8), DENIED)
    const fresh = await node.addPod('closed-fresh')
    t.match((await node.dpctl('pods')).stdout, /closed-fresh.*inline/, 'and ADD finds dpd')
    await node.removePod(fresh)
  })

  await t.test('DEL tells dpd at once', async (t) => {
    const brief = await node.addPod('open-brief')
    t.match((await node.dpctl('pods')).stdout, /open-brief/)
    await node.removePod(brief)
    t.notMatch((await node.dpctl('pods')).stdout, /open-brief/)
  })
})
