/** A pod that is cut off: at once, over restarts and the loss of /run, and let in again with its flows. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Node, until } from '../node.js'
import { startEcho } from './talk.js'

const POLICY = `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: web, namespace: default }
spec:
  podSelector: {}
  mode: protect
  failure: closed
  ingress: [{ name: all }]
`
/** One connection for the whole test: a number a tenth of a second; what came back is in the file. */
const CLIENT = `const net = require('net'), fs = require('fs')
const [host, file] = process.argv.slice(1)
let n = 0
const s = net.connect({ host, port: 7, noDelay: true }, () => setInterval(() => s.write(n++ + '\\n'), 100))
s.on('data', (d) => fs.appendFileSync(file, d))
for (const how of ['error', 'close', 'end']) s.on(how, () => fs.appendFileSync(file, how + '\\n'))`

t.setTimeout(180_000)
t.test('quarantine', async (t) => {
  const node = new Node({ name: `vwqu${process.pid}` })
  t.teardown(() => node.close())
  writeFileSync(join(node.policyDir, 'p.yaml'), POLICY)
  await node.startDpd()
  const web = await node.addPod('web')
  const client = await node.addPod('client')
  await startEcho(web, node.dir, { tcp: [7] })
  const file = join(node.dir, 'live')
  writeFileSync(file, '')
  client.serve(process.execPath, ['-e', CLIENT, web.ip4, file], `${file}.log`)
  const heard = () => readFileSync(file, 'utf8')
  await until('the flow lives', () => heard().includes('2\n'))
  const pings = async () =>
    (await client.exec('ping', ['-c', '1', '-W', '0.3', web.ip4])).stdout.includes('1 received')
  t.ok(await pings())

  const cut = await node.dpctl('quarantine', 'default/web', '--reason', 'beacons to 192.0.2.9')
  t.equal(cut.status, 0, cut.stderr)
  const atCut = heard()
  t.notOk(await pings(), 'no ping')
  t.equal(heard(), atCut, 'nothing of the live flow')
  const said = /default\/web\/eth0, since 20\S+Z: beacons to 192\.0\.2\.9/
  t.match((await node.dpctl('status')).stdout, said)
  t.match((await node.dpctl('pods', '-o', 'wide')).stdout, /beacons to 192/)
  const metrics = async () =>
    (await node.exec('curl', ['-s', '--unix-socket', node.instance.socketPath, 'http://d/metrics']))
      .stdout
  t.match(await metrics(), /vethwall_quarantined_endpoints 1\n/)
  t.match(
    await metrics(),
    /vethwall_quarantine_info\{namespace="default",pod="web",interface="eth0"\} 1/,
  )

  await node.stopDpd()
  t.notOk(await pings(), 'dpd stopped')
  for (const name of readdirSync(node.instance.runDir))
    rmSync(join(node.instance.runDir, name), { recursive: true, force: true })
  await node.startDpd()
  t.notOk(await pings(), 'dpd back, /run emptied')
  t.match((await node.dpctl('status')).stdout, said)
  t.equal(heard(), atCut)

  t.equal((await node.dpctl('quarantine', 'default/web', '--release')).status, 0)
  await until('the same flow goes on', () => heard().length > atCut.length)
  t.notMatch(heard(), /error|close|end/)
  t.ok(await pings())
  t.match(await metrics(), /vethwall_quarantined_endpoints 0\n/)
  const events = node.events() as { vethwall: { quarantine?: { state: string } } }[]
  const states = events.flatMap(({ vethwall }) => vethwall.quarantine?.state ?? [])
  t.same(states, ['begin', 'end'])
})
