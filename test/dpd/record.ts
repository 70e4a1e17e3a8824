/** An endpoint record for tests that need no kernel. */
import type { EndpointRecord } from '../../src/core/endpoint.js'
import { POD } from './judge/bench.js'

export const RECORD: EndpointRecord = {
  ...{ schema: 1, bootId: 'b', id: POD, network: 'n', netns: '/run/netns/x', netnsInode: '4:1' },
  ...{ containerID: 'c1', ifName: 'eth0', namespace: 'default', pod: 'web', podUid: null },
  ...{ driver: 'bpf', addresses: ['10.1.0.7/24'], failure: 'open', createdAt: 'now' },
  ...{ why: 'the first that works here', attachment: 'swap' },
  links: {
    ...{ mac: '02:00:00:00:00:07', mtuOctets: 1500, podIfindex: 2, vinName: 'vin-1' },
    ...{ vinIfindex: 20, vexName: 'vex-1', vexIfindex: 21, hostIfindex: 20, peerIndexLost: false },
  },
}
