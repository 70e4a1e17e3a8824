// The tc driver in real namespaces. Needs act_pedit and act_gact, which a stock kernel has.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { instanceOf } from '../../src/core/instance.js'
import { HOST_LITTLE_ENDIAN } from '../../src/core/netlink/attribute.js'
import { os } from '../../src/intercept/addon.js'
import { probeActions } from '../../src/intercept/preflight/tc.js'
import { TcDriver } from '../../src/intercept/tc/driver.js'
import { heartbeatPath, readStamps } from '../../src/intercept/tc/heartbeat-file.js'
import { runWatchdog } from '../../src/intercept/tc/watchdog.js'
import { testNetns, uniqueName } from '../netns.js'
import { pipeScenario } from './pipe/scenario.js'

const STAMP_EVERY_MS = 100
const SLOTS = 64
const NETLINK_ROUTE = 0

function stamp(path: string): void {
  const stamps = new DataView(new ArrayBuffer(8 * SLOTS))
  stamps.setBigUint64(0, process.hrtime.bigint(), HOST_LITTLE_ENDIAN)
  writeFileSync(path, new Uint8Array(stamps.buffer))
}

/** '' = all actions are there. */
function missingActions(): string {
  let missing = ''
  t.test('actions of this kernel', (t) => {
    const fd = os.netlinkOpen(testNetns(t).fd, NETLINK_ROUTE)
    missing = probeActions(os, fd).join(', ')
    os.close(fd)
    t.end()
  })
  return missing
}

const missing = missingActions()
t.test('tc driver', { skip: missing === '' ? false : `this kernel has no ${missing}` }, (t) =>
  pipeScenario(t, (t, { enforcer, record }) => {
    const instance = instanceOf(uniqueName('vd-test-'))
    const path = heartbeatPath(instance)
    mkdirSync(dirname(path), { recursive: true })
    const driver = new TcDriver(os)
    let timer: NodeJS.Timeout | undefined
    const ended = new AbortController()
    const watchdog = runWatchdog(
      {
        driver,
        enforcer,
        stamps: () => readStamps(path),
        nowNs: () => process.hrtime.bigint(),
        endpoints: () => [record],
        log: (message) => t.comment(message),
      },
      ended.signal,
    )
    t.teardown(async () => {
      clearInterval(timer)
      ended.abort()
      await watchdog
      rmSync(instance.runDir, { recursive: true })
    })
    const beat = (isAlive: boolean) => {
      clearInterval(timer)
      if (!isAlive) return
      stamp(path)
      timer = setInterval(() => stamp(path), STAMP_EVERY_MS)
    }
    return { driver, heartbeat: { beat } }
  }),
)
