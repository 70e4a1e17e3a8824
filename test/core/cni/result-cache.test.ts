import t from 'tap'
import { readCachedAttachment } from '../../../src/core/cni/result-cache.js'

const CACHED = {
  kind: 'cniCacheV1',
  containerId: 'c0ffee',
  config: 'e30=',
  ifName: 'eth0',
  networkName: 'pods',
  cniArgs: [['K8S_POD_NAME', 'web']],
  result: {
    interfaces: [
      { name: 'cni0', mac: '02:00:00:00:00:01' },
      { name: 'eth0', sandbox: '/run/netns/x' },
    ],
  },
}
const read = (change: object) => readCachedAttachment(JSON.stringify({ ...CACHED, ...change }))

t.test('as libcni writes it', (t) => {
  t.same(read({}), {
    ...{ containerID: 'c0ffee', ifName: 'eth0', network: 'pods', netns: '/run/netns/x' },
    args: new Map([['K8S_POD_NAME', 'web']]),
  })
  t.equal(read({ cniArgs: null })?.args.size, 0, 'podman gives none')
  t.end()
})

t.test('what is no attachment that could be taken in', (t) => {
  t.equal(readCachedAttachment('{"kind":'), null, 'half-written')
  t.equal(read({ kind: 'cniCacheV2' }), null)
  t.equal(read({ ifName: 'net1' }), null, 'the result does not tell that interface')
  t.equal(read({ ifName: '../../x' }), null)
  t.equal(read({ containerId: '../x' }), null)
  t.equal(read({ result: { ip4: {} } }), null, 'a result of version 0.2.0')
  t.end()
})
