// The bpf driver in real namespaces: programs loaded, pinned and attached; frames of a pod through them.
import t from 'tap'
import { encodeKey } from '../../src/core/bpf/maps.js'
import { instanceOf } from '../../src/core/instance.js'
import { HOST_LITTLE_ENDIAN } from '../../src/core/netlink/attribute.js'
import { os } from '../../src/intercept/addon.js'
import { BpfDriver } from '../../src/intercept/bpf/driver.js'
import { unpin } from '../../src/intercept/bpf/loader.js'
import { uniqueName } from '../netns.js'
import { pipeScenario, SCENARIO_TIMEOUT_MS } from './pipe/scenario.js'

t.setTimeout(SCENARIO_TIMEOUT_MS)
const STAMP_EVERY_MS = 100
const SLOT = 0

function stamp(heartbeatMapFd: number): void {
  const value = new DataView(new ArrayBuffer(8))
  value.setBigUint64(0, process.hrtime.bigint(), HOST_LITTLE_ENDIAN)
  os.bpf.mapUpdate(heartbeatMapFd, encodeKey(SLOT), new Uint8Array(value.buffer), 0)
}

t.test('bpf driver', (t) =>
  pipeScenario(t, (t) => {
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
    return { driver, heartbeat: { beat } }
  }),
)
