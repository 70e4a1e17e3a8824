/** A process killed in the middle of ADD or DEL: recover, or the next call of the runtime, puts it right. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { detach, recover } from '../../src/intercept/restore.js'
import { attach } from '../../src/intercept/swap.js'
import { podDump } from './pod-dump.js'
import { dressPlain, makeWorld, settled, type World } from './swap-topology.js'

t.setTimeout(300_000)
/** Every third call, so that the test ends while its reader waits. */
const STEP = 3
const CHILD = join(import.meta.dirname, 'swap-child.js')

/** True = it was killed; false = it had fewer calls and did its work. */
function killedAt(world: World, verb: 'ADD' | 'DEL', call: number): boolean {
  const args = [CHILD, verb, world.instance.name, world.pod.path, String(call)]
  return spawnSync(process.execPath, args).signal === 'SIGKILL'
}

function left(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir) : []
}

for (const verb of ['ADD', 'DEL'] as const) {
  t.test(`${verb} killed`, async (t) => {
    const world = makeWorld(t)
    dressPlain(world.pod)
    await settled(world.pod)
    let before = podDump(world.pod)
    let broken = 0
    for (let call = 1; ; call += STEP) {
      if (verb === 'DEL') {
        attach(world.context(), world.spec())
        before = podDump(world.pod)
      }
      const isKilled = killedAt(world, verb, call)
      if (!isKilled) {
        t.ok(call > 10, `${call} calls`)
        break
      }
      broken += recover(world.context())
      t.strictSame(left(world.instance.journalDir), [], 'no journal is left')
      t.strictSame(podDump(world.pod), before, `recovered, call ${call}`)
      detach(world.context(), world.spec(), world.pod.path)
      t.notMatch(world.enforcerLinks().join(), /vin-|vex-/)
    }
    t.ok(broken > 0, `${broken} swaps broke off`)
    if (verb === 'ADD') before = podDump(world.pod)
    detach(world.context(), world.spec(), world.pod.path)
    t.strictSame(podDump(world.pod), before)
  })
}
