import t from 'tap'
import type { Link } from '../../src/core/netlink/link.js'
import { kernelRefusal, refusal } from '../../src/intercept/interceptable.js'

const link = (more: Partial<Link>): Link => ({
  ...{ ifindex: 2, flags: 1, name: 'eth0', mac: '', mtuOctets: 1500, txQueueFrames: 0 },
  ...{ peerIfindex: 7, isPeerHere: false, masterIfindex: 0, group: 0, txQueues: 1, rxQueues: 1 },
  ...{ kind: 'veth', addrGenMode: 0, alias: '', altNames: [] },
  ...{ gsoMaxOctets: null, gsoMaxSegments: null },
  ...more,
})

t.test('only a veth that nothing stands on', async (t) => {
  const eth0 = link({})
  t.equal(refusal(eth0, [eth0, link({ ifindex: 3, peerIfindex: 2, isPeerHere: false })]), null)
  t.match(refusal(link({ kind: 'netkit' }), []), { message: /of kind "netkit"/ })
  t.match(refusal(link({ kind: '' }), []), { message: /of kind "none"/ })
  const vlan = link({ ifindex: 3, name: 'eth0.7', kind: 'vlan', peerIfindex: 2, isPeerHere: true })
  t.match(refusal(eth0, [eth0, vlan]), { message: /carries eth0\.7/ })
  const bond = link({ ifindex: 9, name: 'bond0', kind: 'bond' })
  t.match(refusal(link({ masterIfindex: 9 }), [bond]), { message: /port of bond0/ })
})

t.test('indexes are kept since 5.13', async (t) => {
  for (const release of ['5.13.0', '6.1.0-18-amd64', '10.0']) t.equal(kernelRefusal(release), null)
  for (const release of ['5.10.0-30', '4.19.0', 'junk'])
    t.match(kernelRefusal(release), { message: /5\.13/ })
})
