/** A flow between its verdict and the kernel's carrying it, frame by frame; the test stands for the engine. */
import type { Test } from 'tap'
import { encodeFlowKey, FLOW_OCTETS } from '../../../src/core/bpf/flow-map.js'
import type { Instance } from '../../../src/core/instance.js'
import { HOST_LITTLE_ENDIAN } from '../../../src/core/netlink/attribute.js'
import { os } from '../../../src/intercept/addon.js'
import type { BpfDriver } from '../../../src/intercept/bpf/driver.js'
import { load } from '../../../src/intercept/bpf/loader.js'
import { ipv4, SENTINEL, TAG } from './addresses.js'
import type { Heartbeat } from './piped.js'
import { HOST_MAC, POD_MAC, type Topology } from './topology.js'
import type { Traffic } from './traffic.js'

const EPOCH = 7
const FLOW_PENDING = 1
const MACS = `${HOST_MAC}${POD_MAC}`.replaceAll(':', '')
const FRAME = MACS + ipv4('0a4d0001', TAG)
/** Of no flow that there is an entry for: comes up in any case. */
const OTHER = MACS + SENTINEL.replace('1388138900100000', '1388138a00100000')
const PENDING = /^.{12}4e657557/

interface Cut extends Topology {
  readonly instance: Instance
  readonly driver: BpfDriver
  readonly heartbeat: Heartbeat
  readonly traffic: Traffic
}

/** As vbr-neuv makes it where the first settled frame comes by. */
function settle({ instance, record }: Cut): void {
  const key = encodeFlowKey({
    ...{ endpoint: record.id, protocol: 17, podPort: 5000, peerPort: 5001 },
    ...{ podAddress: '10.77.0.2', peerAddress: '10.77.0.1' },
  })
  const entry = new Uint8Array(FLOW_OCTETS)
  new DataView(entry.buffer).setUint32(0, EPOCH, HOST_LITTLE_ENDIAN)
  entry[4] = entry[5] = FLOW_PENDING
  const loaded = load(os, instance.bpffsDir)
  try {
    os.bpf.mapUpdate(loaded.mapFd('flows'), key, entry, 0)
  } finally {
    loaded.close()
  }
}

export async function pendingScenario(t: Test, cut: Cut): Promise<void> {
  const { driver, enforcer, record, traffic } = cut
  driver.ensureShared(enforcer)
  driver.ensure(enforcer, record, { path: 'inline', failure: 'open', epoch: EPOCH })
  await cut.heartbeat.beat(true)
  const pod = { netns: cut.pod, ifName: 'eth0' }
  const host = { netns: cut.host, ifName: 'host0' }
  const vth = { netns: cut.enforcerNetns, ifName: 'vth-neuv' }
  const cameUp = async () => {
    const seen = await traffic.exchange(pod, vth, [FRAME], OTHER)
    return seen.map(({ hex }) => hex).filter((hex) => hex.includes(TAG))
  }
  settle(cut)
  // Nothing went up since the entry was made: what did before may still be on its way.
  const [first, ...more] = await cameUp()
  t.match(first, PENDING, 'the first goes up and says so')
  t.same(more, [])
  const frame = first ?? ''
  const last = frame.replace(TAG, 'feedfacecafebeef').replace('4e657557', '4e657556')
  const back = await traffic.exchange(vth, host, [frame], last)
  t.equal(back.filter(({ hex }) => hex.includes(TAG)).length, 1, 'and comes back')
  t.same(await cameUp(), [], 'the next is cut')
}
