// The bpf driver in real namespaces: programs loaded, pinned and attached; frames of a pod through them.
import t, { type Test } from 'tap'
import { encodeKey } from '../../src/core/bpf/maps.js'
import { instanceOf } from '../../src/core/instance.js'
import { HOST_LITTLE_ENDIAN } from '../../src/core/netlink/attribute.js'
import { os } from '../../src/intercept/addon.js'
import { BpfDriver } from '../../src/intercept/bpf/driver.js'
import { unpin } from '../../src/intercept/bpf/loader.js'
import { uniqueName } from '../netns.js'
import { pendingScenario } from './pipe/pending.js'
import { pipeScenario, SCENARIO_TIMEOUT_MS } from './pipe/scenario.js'
import { makeTopology } from './pipe/topology.js'
import { Traffic } from './pipe/traffic.js'

t.setTimeout(SCENARIO_TIMEOUT_MS)
const STAMP_EVERY_MS = 100
const SLOT = 0

function stamp(heartbeatMapFd: number): void {
  const value = new DataView(new ArrayBuffer(8))
  value.setBigUint64(0, process.hrtime.bigint(), HOST_LITTLE_ENDIAN)
  os.bpf.mapUpdate(heartbeatMapFd, encodeKey(SLOT), new Uint8Array(value.buffer), 0)
}

function install(t: Test) {
  const instance = instanceOf(uniqueName('vd-test-'))
  const driver = new BpfDriver(os, instance)
  let timer: NodeJS.Timeout | undefined
  t.teardown(() => {
    clearInterval(timer)
    driver.close()
    unpin(instance.bpffsDir)
  })
  const beat = async (isAlive: boolean) => {
    clearInterval(timer)
    if (!isAlive) return
    stamp(driver.heartbeatMapFd())
    timer = setInterval(() => stamp(driver.heartbeatMapFd()), STAMP_EVERY_MS)
  }
  return { instance, driver, heartbeat: { beat } }
}

t.test('bpf driver', (t) => pipeScenario(t, install))

t.test('a settled flow is cut once a frame of it has come back', async (t) => {
  const topology = makeTopology(t)
  const traffic = new Traffic(t)
  await pendingScenario(t, { ...topology, ...install(t), traffic })
})
