import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startWeb } from '../../demo/servers.js'
import { Node } from '../node.js'
import { Containerd } from './containerd.js'

const POLICY = `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: web, namespace: default }
spec:
  podSelector: { matchLabels: { app: web } }
  mode: protect
  ingress:
    - name: read-items
      from: [{ podSelector: { matchLabels: { app: container } } }]
      ports: [{ protocol: TCP, port: 80 }]
      http: [{ methods: [GET], paths: ['/items/*'] }]
`
const ENDPOINTS = `pods:
  - { namespace: default, name: web, labels: { app: web } }
  - { namespace: default, name: default-shopper, labels: { app: container } }
`

t.test('a container of ctr run --cni is intercepted and its requests are judged', async (t) => {
  const node = new Node({ name: `vwtc${process.pid}` })
  t.teardown(() => node.close())
  writeFileSync(join(node.endpointsDir, 'pods.yaml'), ENDPOINTS)
  writeFileSync(join(node.policyDir, 'web.yaml'), POLICY)
  await node.startDpd()
  const web = await node.addPod('web')
  await startWeb(web, node.dir)
  const containerd = await Containerd.start(node)
  t.teardown(() => containerd.stop())

  const allowed = await containerd.run(
    'shopper',
    '/usr/bin/curl',
    '-sS',
    '-m',
    '5',
    `http://${web.ip4}/items/1`,
  )
  t.match(allowed.stdout, /hello from web/, `allowed over IPv4 ${JSON.stringify(allowed)}`)
  const allowed6 = await containerd.run(
    'shopper',
    '/usr/bin/curl',
    '-sS',
    '-m',
    '5',
    `http://[${web.ip6}]/items/1`,
  )
  t.match(allowed6.stdout, /hello from web/, `allowed over IPv6 ${allowed6.stderr}`)
  const denied = await containerd.run(
    'shopper',
    '/usr/bin/curl',
    '-sS',
    '-m',
    '5',
    `http://${web.ip4}/admin`,
  )
  t.match(denied.stderr, /reset by peer/, 'told at once')
  const stranger = await containerd.run(
    'stranger',
    '/usr/bin/curl',
    '-sS',
    '-m',
    '5',
    `http://${web.ip4}/items/1`,
  )
  t.not(stranger.status, 0, 'another container is denied')
  t.match(stranger.stderr, /refused|reset|Couldn't connect/i)

  const flows = await node.dpctl('flows', '--verdict', 'deny')
  t.match(flows.stdout, /default\/web .*default\/default-shopper .*\/admin/)
  t.equal(
    readdirSync(node.instance.endpointsDir).length,
    1,
    'ctr --rm called DEL: only the web pod stays',
  )
})
