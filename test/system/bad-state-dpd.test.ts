/** The real daemon and the real plugin over damaged state: they start, say what they set aside, and serve. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { recordPath } from '../../src/intercept/endpoint-records.js'
import { Node, until } from '../node.js'
import { call, pairLinks, SILENT_SUCCESS } from '../plugin-call.js'

t.setTimeout(600_000)
const POLICY = `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: web, namespace: default }
spec:
  podSelector: {}
  ingress: [{ name: any }]
`
type Damage = (text: string) => string
const DAMAGES: Readonly<Record<string, Damage>> = {
  'cut in the middle': (text) => text.slice(0, Math.floor(text.length / 2)),
  'zero-filled': (text) => '\0'.repeat(Math.max(1, text.length)),
}
const STATES = ['modes.json', 'learned.json', 'last-good-policy.json'] as const

t.test('dpd starts over damaged state', async (t) => {
  const node = new Node({ name: `vwtb${process.pid}` })
  t.teardown(() => node.close())
  const { endpointsDir, journalDir, noticesDir, attachPath, runDir, stateDir } = node.instance
  writeFileSync(join(node.policyDir, 'web.yaml'), POLICY)
  await node.startDpd()
  const witness = await node.addPod('witness')
  await node.addPod('victim')
  await node.dpctl('mode', 'default/witness', 'monitor')
  const isWell = async () =>
    (await witness.exec('ping', ['-c', '1', '-W', '2', '10.77.0.1'])).status === 0
  t.ok(await isWell())
  await node.stopDpd()
  const kept = recordPath(node.instance, { containerID: witness.containerID, ifName: 'eth0' })
  const record = readFileSync(kept, 'utf8')
  const victim = recordPath(node.instance, node.attachment('victim'))
  const victimText = readFileSync(victim, 'utf8')
  const whole = new Map(
    [attachPath, ...STATES.map((name) => join(stateDir, name))].map((path) => [
      path,
      existsSync(path) ? readFileSync(path, 'utf8') : '{"schema":1,"pods":[]}',
    ]),
  )

  for (const [name, damage] of Object.entries(DAMAGES)) {
    const journal = join(journalDir, basename(victim))
    const nobodys = join(endpointsDir, '00000000000.json')
    const notice = join(noticesDir, 'notice.json')
    for (const dir of [journalDir, noticesDir]) mkdirSync(dir, { recursive: true })
    for (const path of [victim, journal, nobodys, notice]) writeFileSync(path, damage(victimText))
    for (const [path, text] of whole) writeFileSync(path, damage(text))
    writeFileSync(join(runDir, 'last-id'), damage('12\n'))
    // Only a broken policy set makes it read the last good one.
    writeFileSync(join(node.policyDir, 'broken.yaml'), 'kind: [\n')
    const logged = readFileSync(join(node.dir, 'dpd.log'), 'utf8').length

    await node.startDpd()
    const log = readFileSync(join(node.dir, 'dpd.log'), 'utf8').slice(logged)
    const named = [victim, journal, nobodys, ...STATES.map((state) => join(stateDir, state))]
    for (const path of named)
      t.match(log, `${path}: not a state file`, `${name}: ${basename(path)}`)
    t.ok(await isWell(), `${name}: the other pod`)
    t.equal(readFileSync(kept, 'utf8'), record, `${name}: its record`)
    t.notOk(existsSync(notice), `${name}: the notice is taken`)
    writeFileSync(join(node.policyDir, 'broken.yaml'), '')
    await until('the set is valid again', async () => {
      const status = (await node.api('/v1/status')) as { policy: { faults: unknown[] } } | null
      return status?.policy.faults.length === 0
    })
    JSON.parse(readFileSync(attachPath, 'utf8'))
    t.pass(`${name}: attach.json is whole again`)
    await node.stopDpd()
  }
})

t.test('the plugin over damaged state', async (t) => {
  const node = new Node({ name: `vwtbp${process.pid}` })
  t.teardown(() => node.close())
  const { attachPath, runDir } = node.instance
  const witness = await node.addPod('witness')
  const kept = recordPath(node.instance, { containerID: witness.containerID, ifName: 'eth0' })
  const record = readFileSync(kept, 'utf8')
  const isWell = async () =>
    (await witness.exec('ping', ['-c', '1', '-W', '2', '10.77.0.1'])).status === 0

  for (const [number, [name, damage]] of Object.entries(DAMAGES).entries()) {
    const pod = await node.addPod(`p${number}`)
    const path = recordPath(node.instance, { containerID: pod.containerID, ifName: 'eth0' })
    const text = readFileSync(path, 'utf8')
    const spoil = () => {
      writeFileSync(path, damage(text))
      writeFileSync(attachPath, damage('{"schema":1,"rules":[]}'))
      writeFileSync(join(runDir, 'last-id'), damage('12\n'))
    }
    const prevResult = pod.result
    for (const verb of ['CHECK', 'ADD', 'GC', 'DEL']) {
      spoil()
      const isGc = verb === 'GC'
      const exit = await call(verb, node, pod.name, {
        ...(isGc ? { cniVersion: '1.1.0', 'cni.dev/attachments': [] } : { prevResult }),
        name: isGc ? 'another' : node.chain.list.name,
      })
      if (exit.status !== 0) t.not((JSON.parse(exit.stdout) as { code: number }).code, 999, verb)
      t.match(exit.stderr, /set aside as/, `${name}: ${verb} warns`)
      t.equal(readFileSync(kept, 'utf8'), record, `${name}: ${verb}: the other's record`)
    }
    t.ok(await isWell(), `${name}: the other pod`)
    t.same(await call('DEL', node, pod.name), SILENT_SUCCESS, 'DEL again')
    t.equal((await pairLinks(node)).length, 2, `${name}: the other's links alone`)
  }
  t.notOk(readdirSync(node.instance.endpointsDir).some((file) => file.endsWith('.new')))
})
