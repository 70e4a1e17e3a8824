/**
 * A fault at every call of the operating system and of the driver, in ADD and in DEL: the pod ends as it was
 * or fully intercepted, and nothing is left over.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import t, { type Test } from 'tap'
import { os } from '../../src/intercept/addon.js'
import { recordPath } from '../../src/intercept/endpoint-records.js'
import { removeEnforcer } from '../../src/intercept/enforcer.js'
import { detach, recover } from '../../src/intercept/restore.js'
import { attach } from '../../src/intercept/swap.js'
import { type FaultMode, gate, through } from './faults.js'
import { podDump } from './pod-dump.js'
import { dressPlain, IdleDriver, makeWorld, settled, type World } from './swap-topology.js'

// Some forty faults in each of six cases, and each looks at the whole pod.
t.setTimeout(600_000)

const MODES: readonly FaultMode[] = ['before', 'after', 'dead']

function entries(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir) : []
}

/** Of one pod in one namespace: what the instance still holds of it. */
function remains(world: World, driver: IdleDriver): unknown {
  const { instance } = world
  return {
    links: world.enforcerLinks().filter((name) => /^(vin|vex)-/.test(name)),
    records: entries(instance.endpointsDir),
    journal: entries(instance.journalDir),
    ensured: driver.ensured.size,
  }
}
const NOTHING = { links: [], records: [], journal: [], ensured: 0 }

async function makeSettledWorld(t: Test): Promise<World> {
  const world = makeWorld(t)
  dressPlain(world.pod)
  await settled(world.pod)
  return world
}

for (const mode of MODES) {
  t.test(`ADD with a fault at each call, ${mode}`, async (t) => {
    const world = await makeSettledWorld(t)
    let before = podDump(world.pod)
    for (let at = 1; ; at++) {
      const driver = new IdleDriver()
      const fault = gate(at, mode)
      const context = world.context(through(fault, driver), through(fault, os))
      let isAttached = true
      try {
        attach(context, world.spec())
      } catch {
        isAttached = false
      }
      if (isAttached && fault.calls < at) {
        t.ok(at > 20, `${at - 1} calls`)
        return
      }
      if (isAttached) {
        before = podDump(world.pod)
        detach(world.context(driver), world.spec(), world.pod.path)
      } else if (mode === 'dead') recover(world.context(driver))
      t.strictSame(remains(world, driver), NOTHING, `remains, call ${at}`)
      t.strictSame(podDump(world.pod), before, `pod, call ${at}`)
      // Every second time anew, so that the making of the namespace is hit as well.
      if (at % 2 === 0) removeEnforcer(os, world.instance)
    }
  })

  t.test(`DEL with a fault at each call, ${mode}; the runtime repeats it`, async (t) => {
    const world = await makeSettledWorld(t)
    for (let at = 1; ; at++) {
      const driver = new IdleDriver()
      attach(world.context(driver), world.spec())
      const before = podDump(world.pod)
      const fault = gate(at, mode)
      try {
        detach(
          world.context(through(fault, driver), through(fault, os)),
          world.spec(),
          world.pod.path,
        )
      } catch {
        if (mode === 'dead') recover(world.context(driver))
        detach(world.context(driver), world.spec(), world.pod.path)
      }
      // A driver that fails is reported, and its entry overwritten when the id is given out again.
      if (mode !== 'after') driver.ensured.clear()
      t.strictSame(remains(world, driver), NOTHING, `remains, call ${at}`)
      t.strictSame(podDump(world.pod), before, `pod, call ${at}`)
      if (fault.calls < at) {
        t.ok(at > 10, `${at - 1} calls`)
        return
      }
    }
  })
}

t.test('ADD with a fault at each state file', async (t) => {
  const world = await makeSettledWorld(t)
  const before = podDump(world.pod)
  const { instance } = world
  const record = recordPath(instance, world.spec())
  const journal = record.replace(instance.endpointsDir, instance.journalDir)
  for (const path of [`${instance.runDir}/last-id`, journal, record]) {
    const driver = new IdleDriver()
    // A folder where the new file is to be written.
    const obstacle = `${path}.new`
    mkdirSync(obstacle, { recursive: true })
    t.throws(() => attach(world.context(driver), world.spec()), { code: 'EISDIR' }, path)
    rmSync(obstacle, { recursive: true })
    t.strictSame(remains(world, driver), NOTHING, path)
    t.strictSame(podDump(world.pod), before, path)
  }
})
