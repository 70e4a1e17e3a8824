import { ENDPOINT_RECORD_SCHEMA, type EndpointRecord } from '../../../src/core/endpoint.js'

/** An endpoint whose devices are 7 (vin) and 8 (vex), with MAC 02:00:00:00:07:01. */
export function recordOf(id: number): EndpointRecord {
  return {
    schema: ENDPOINT_RECORD_SCHEMA,
    containerID: `container-${id}`,
    ifName: 'eth0',
    bootId: '',
    id,
    network: 'test',
    netns: '/run/netns/test',
    netnsInode: '1',
    namespace: 'default',
    pod: `pod-${id}`,
    podUid: null,
    ...{ driver: 'tc', why: '', attachment: 'swap' },
    links: {
      mac: '02:00:00:00:07:01',
      mtuOctets: 1500,
      podIfindex: 2,
      vinName: 'vin-t',
      vinIfindex: 7,
      vexName: 'vex-t',
      vexIfindex: 8,
      hostIfindex: 7,
      peerIndexLost: false,
    },
    addresses: [],
    failure: 'open',
    createdAt: '2026-01-01T00:00:00Z',
  }
}
