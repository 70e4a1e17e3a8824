/** A node with dpd and a web pod in protect, of which one container of a client may read `/items/*`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startWeb } from '../../demo/servers.js'
import type { Node, Pod } from '../node.js'

const POLICY = `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: web, namespace: default }
spec:
  podSelector: { matchLabels: { app: web } }
  mode: protect
  ingress:
    - name: read-items
      from: [{ podSelector: { matchLabels: { app: shopper } } }]
      ports: [{ protocol: TCP, port: 80 }]
      http: [{ methods: [GET], paths: ['/items/*'] }]
`
const endpointsOf = (shopper: string): string => `pods:
  - { namespace: default, name: web, labels: { app: web } }
  - { namespace: default, name: ${shopper}, labels: { app: shopper } }
`

/** `shopper`: the pod name that the client gives to the container that may. */
export async function startWebNode(node: Node, shopper: string): Promise<Pod> {
  writeFileSync(join(node.endpointsDir, 'pods.yaml'), endpointsOf(shopper))
  writeFileSync(join(node.policyDir, 'web.yaml'), POLICY)
  await node.startDpd()
  const web = await node.addPod('web')
  await startWeb(web, node.dir)
  return web
}
