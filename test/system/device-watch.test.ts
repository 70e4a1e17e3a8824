import { execFileSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import t from 'tap'
import { os } from '../../src/intercept/addon.js'
import { DeviceWatch } from '../../src/intercept/device-watch.js'
import { readDevices } from '../../src/intercept/devices.js'
import { NETLINK_ROUTE } from '../../src/intercept/enforcer.js'

const sh = (...args: readonly string[]) => execFileSync('nsenter', args, { encoding: 'utf8' })

t.test('a change is heard, and only what changed is read again', async (t) => {
  const name = `vwwatch-${process.pid}`
  execFileSync('ip', ['netns', 'add', name])
  t.teardown(() => execFileSync('ip', ['netns', 'del', name]))
  const within = (...args: readonly string[]) => sh(`--net=/run/netns/${name}`, ...args)
  within('ip', 'link', 'add', 'va', 'type', 'veth', 'peer', 'name', 'vb')
  const netnsFd = openSync(`/run/netns/${name}`, 'r')
  const netlinkFd = os.netlinkOpen(netnsFd, NETLINK_ROUTE)
  const watch = new DeviceWatch(os, { netnsFd, netlinkFd })
  t.teardown(() => {
    watch.close()
    os.close(netlinkFd)
    closeSync(netnsFd)
  })
  t.equal(watch.refresh(), null, 'at first anything may have changed')
  const [a, b] = ['va', 'vb'].map(
    (device) =>
      readDevices(os, netlinkFd)
        .links()
        .find((link) => link.name === device)?.ifindex ?? 0,
  ) as [number, number]
  const isAsDumped = () => {
    const now = readDevices(os, netlinkFd)
    for (const ifindex of [a, b]) {
      t.same(watch.link(ifindex), now.link(ifindex))
      t.same(watch.qdiscs(ifindex), now.qdiscs(ifindex))
      t.same(watch.filters(ifindex), now.filters(ifindex))
    }
  }
  isAsDumped()
  t.same(watch.refresh(), new Set(), 'its own reading is no news')
  for (const [what, change] of [
    ['a link', ['ip', 'link', 'set', 'va', 'mtu', '1400']],
    ['a qdisc', ['tc', 'qdisc', 'add', 'dev', 'va', 'ingress']],
    [
      'a filter',
      [
        'tc',
        'filter',
        'add',
        'dev',
        'va',
        'ingress',
        'u32',
        'match',
        'u32',
        '0',
        '0',
        'flowid',
        '1:1',
      ],
    ],
    ['a filter that goes', ['tc', 'filter', 'del', 'dev', 'va', 'ingress']],
    ['a qdisc that goes', ['tc', 'qdisc', 'del', 'dev', 'va', 'ingress']],
  ] as const) {
    within(...change)
    t.same(watch.refresh(), new Set([a]), what)
    isAsDumped()
    t.same(watch.refresh(), new Set(), `${what}: read`)
  }
  watch.forget(b)
  isAsDumped()
  within('ip', 'link', 'del', 'va')
  t.same(watch.refresh(), new Set([a, b]), 'both ends go')
  t.equal(watch.link(a), null)
})
