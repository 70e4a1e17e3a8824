// The tc driver in real namespaces. Needs act_pedit and act_gact, which a stock kernel has.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { instanceOf } from '../../src/core/instance.js'
import { os } from '../../src/intercept/addon.js'
import { probeActions } from '../../src/intercept/preflight/tc.js'
import { TcDriver } from '../../src/intercept/tc/driver.js'
import { heartbeatPath, readStamps } from '../../src/intercept/tc/heartbeat-file.js'
import { runWatchdog } from '../../src/intercept/tc/watchdog.js'
import { testNetns, uniqueName } from '../netns.js'
import { pipeScenario, SCENARIO_TIMEOUT_MS } from './pipe/scenario.js'
import type { Running } from './pipe/traffic.js'

t.setTimeout(SCENARIO_TIMEOUT_MS)
const HEARTBEAT_OCTETS = 8 * 64
const NETLINK_ROUTE = 0

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
  pipeScenario(t, (t, { enforcer, record }, traffic) => {
    const instance = instanceOf(uniqueName('vd-test-'))
    const path = heartbeatPath(instance)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, new Uint8Array(HEARTBEAT_OCTETS))
    const driver = new TcDriver(os)
    let stamping: Running | undefined
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
      ended.abort()
      await watchdog
      rmSync(instance.runDir, { recursive: true })
    })
    // From another process: this one's event loop may rest longer than a stamp lives, when emulated.
    const beat = async (isAlive: boolean) => {
      await stamping?.stop()
      stamping = isAlive ? await traffic.stamp(path) : undefined
    }
    return { driver, heartbeat: { beat } }
  }),
)
