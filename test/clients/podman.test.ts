import './machine.js'
import t from 'tap'
import { Node } from '../node.js'
import { settledLeftovers } from './leftovers.js'
import { machineName } from './machine.js'
import { Podman } from './podman.js'
import { startWebNode } from './web-node.js'

t.setTimeout(240_000)

t.test('podman with the CNI back end: intercepted, judged, gone', async (t) => {
  const node = new Node({ name: machineName, cniVersion: '0.4.0' })
  t.teardown(() => node.close())
  const web = await startWebNode(node, 'shopper')
  const podman = await Podman.start(node)
  t.teardown(() => podman.stop())

  const pods = async () =>
    ((await node.api('/v1/pods')) as { pods: { pod: string }[] }).pods.map(({ pod }) => pod).sort()
  for (const name of ['shopper', 'stranger']) {
    const { status, stderr } = await podman.run(['-d'], name, '/bin/sleep', '1000')
    t.equal(status, 0, `${name} runs ${stderr}`)
  }
  t.strictSame(await pods(), ['shopper', 'stranger', 'web'], 'both are intercepted, by their names')
  const get = (name: string, address: string, path: string) =>
    podman.exec('exec', name, '/usr/bin/curl', '-sS', '-m', '5', `http://${address}${path}`)
  for (const address of [web.ip4, `[${web.ip6}]`]) {
    const allowed = await get('shopper', address, '/items/1')
    t.match(allowed.stdout, /hello from web/, `allowed ${allowed.stderr}`)
    const denied = await get('shopper', address, '/admin')
    t.match(denied.stdout, /Denied by network policy/, 'another path is denied, and told at once')
    const stranger = await get('stranger', address, '/items/1')
    t.match(stranger.stderr, /refused|reset|Couldn't connect/i, 'another container is denied')
  }
  const flows = await node.dpctl('flows', '--verdict', 'deny')
  t.match(flows.stdout, /default\/web .*default\/shopper .*\/admin/)

  for (const name of ['shopper', 'stranger'])
    t.equal((await podman.exec('rm', '--force', '--time', '0', name)).status, 0)
  t.strictSame(await pods(), ['web'], 'podman called DEL')
  await node.removePod(web)
  t.strictSame(await settledLeftovers(node), [], 'nothing is left')
})
