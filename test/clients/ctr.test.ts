import './machine.js'
import { readdirSync } from 'node:fs'
import t from 'tap'
import { Node, until } from '../node.js'
import { Containerd } from './containerd.js'
import { settledLeftovers } from './leftovers.js'
import { machineName } from './machine.js'
import { startWebNode } from './web-node.js'

t.setTimeout(240_000)

t.test('a container of ctr run --cni is intercepted and its requests are judged', async (t) => {
  const node = new Node({ name: `${machineName}r` })
  t.teardown(() => node.close())
  const web = await startWebNode(node, 'default-shopper')
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
  t.match(denied.stdout, /Denied by network policy/, 'told at once')
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

t.test('containers of ctr run -d --cni, for which no DEL ever comes, are collected', async (t) => {
  const node = new Node({ name: `${machineName}d` })
  t.teardown(() => node.close())
  await node.startDpd()
  const containerd = await Containerd.start(node)
  t.teardown(() => containerd.stop())
  const pods = async () =>
    ((await node.api('/v1/pods')) as { pods: { pod: string }[] }).pods.map(({ pod }) => pod).sort()
  const names = ['a', 'b', 'c']
  for (const name of names) {
    const { status, stderr } = await containerd.runDetached(name, '/usr/bin/sleep', '1000')
    t.equal(status, 0, stderr)
  }
  t.strictSame(await pods(), ['default-a', 'default-b', 'default-c'], 'all are intercepted')
  for (const name of names) {
    await containerd.ctr('task', 'kill', '-s', 'KILL', name)
    await until(`task ${name} has ended`, async () => {
      const { stdout } = await containerd.ctr('task', 'ls')
      return !new RegExp(`^${name} .*RUNNING`, 'm').test(stdout)
    })
    await containerd.ctr('task', 'rm', name)
    t.equal((await containerd.ctr('container', 'rm', name)).status, 0, `${name} is removed`)
  }
  // libcni's and the primary's own, which nobody but DEL takes away.
  const isPrimarys = (what: string) => /^(address of host-local|result of libcni) /.test(what)
  node.dpd?.kill('SIGHUP')
  const left = await settledLeftovers(node, isPrimarys)
  t.strictSame(
    left.filter((what) => !isPrimarys(what)),
    [],
    "dpd's reconcile collects all of ours",
  )
  t.equal(left.length, 3 * names.length, "no DEL came: the primary's addresses stay")
})
