/** One slice from the CNI chain to the verdict, for each pipe driver that this kernel can run. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startWeb } from '../../demo/servers.js'
import { os } from '../../src/intercept/addon.js'
import { availableDrivers } from '../../src/intercept/drivers.js'
import { type Exit, Node, type Pod, until } from '../node.js'
import { VLAN_ADDRESSES, vlanBeforeAdd, vlanFlows } from './odd/vlan.js'

const policyOf = (name: string, failure: string): string => `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: ${name}, namespace: default }
spec:
  podSelector: { matchLabels: { app: ${name} } }
  mode: protect
  failure: ${failure}
  ingress:
    - name: read-items
      ports: [{ protocol: TCP, port: 80 }]
      http: [{ methods: [GET], paths: ['/items/*'] }]
`
const PODS = `pods:
  - { namespace: default, name: open, labels: { app: open } }
  - { namespace: default, name: closed, labels: { app: closed }, addresses: [${VLAN_ADDRESSES}] }
`
/** Software emulation is some ten times slower. */
const CURL_SECONDS = '20'

/** By HTTP's own 403 or by a reset; never by silence (curl's 28). */
const isRefused = ({ status, stdout }: Exit): boolean =>
  status === 56 || /Denied by network policy/.test(stdout)

t.setTimeout(600_000)
const drivers = availableDrivers(os)
/** The guest asks for one: the other has its own test there, and emulation is slow. */
const asked = process.env.SLICE_DRIVERS?.split(',') ?? ['bpf', 'tc']
for (const driver of (['bpf', 'tc'] as const).filter((name) => asked.includes(name))) {
  const missing = drivers.get(driver) ?? null
  const skip = missing === null ? false : `driver ${driver}: ${missing}`
  t.test(
    `driver ${driver}: inspected, denied, and its failure setting kept`,
    { skip },
    async (t) => {
      const node = new Node({
        name: `vwts${driver}${process.pid}`,
        entry: { driver },
        dpdConfig: `driver: ${driver}\n`,
      })
      t.teardown(() => node.close())
      writeFileSync(join(node.endpointsDir, 'pods.yaml'), PODS)
      writeFileSync(
        join(node.policyDir, 'policy.yaml'),
        `${policyOf('open', 'open')}---\n${policyOf('closed', 'closed')}`,
      )
      await node.startDpd()
      const client = await node.addPod('client')
      const open = await node.addPod('open')
      const closed = await node.addPod('closed')
      await startWeb(open, node.dir)
      await startWeb(closed, node.dir)
      const get = (to: Pod, family: 4 | 6, path: string, seconds = CURL_SECONDS) =>
        client.exec(
          'curl',
          ['-sS', '-m', seconds, `http://${family === 4 ? to.ip4 : `[${to.ip6}]`}${path}`],
          { timeoutMs: 60_000 },
        )

      const pods = await node.dpctl('pods')
      t.match(pods.stdout, new RegExp(`default/open.*protect.*inline.*${driver}`))
      for (const family of [4, 6] as const) {
        const allowed = await get(open, family, '/items/1')
        t.match(allowed.stdout, /hello from open/, `IPv${family}: allowed ${allowed.stderr}`)
        // Where a processor is emulated a verdict may take longer than a frame is held.
        const denied = await get(closed, family, '/admin')
        t.ok(
          isRefused(denied),
          `IPv${family}: denied at once, ${denied.status} ${denied.stdout}${denied.stderr}`,
        )
      }
      await vlanFlows(t, node, { client, server: closed }, isRefused)
      await vlanBeforeAdd(t, node)
      await node.stopDpd('SIGKILL')
      for (const family of [4, 6] as const) {
        await until('the open pod goes direct', async () =>
          (await get(open, family, '/admin', '2')).stdout.includes('hello'),
        )
        t.pass(`IPv${family}: dpd killed, the open pod goes direct`)
        const cut = await get(closed, family, '/items/1', '2')
        t.not(cut.status, 0, `IPv${family}: dpd killed, the closed pod is cut`)
      }
      await node.startDpd()
      for (const family of [4, 6] as const) {
        await until('inspected again', async () =>
          (await get(closed, family, '/items/1', '2')).stdout.includes('hello'),
        )
        await until('denied again', async () => isRefused(await get(open, family, '/admin', '2')))
        t.pass(`IPv${family}: dpd back, the policy holds again`)
      }
    },
  )
}
