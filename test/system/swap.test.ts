/** The swap in real namespaces: what the pod sees of it is nothing, in both directions and in any failure. */
import { existsSync, readdirSync } from 'node:fs'
import t from 'tap'
import { detach } from '../../src/intercept/restore.js'
import { attach } from '../../src/intercept/swap.js'
import { until } from '../netns.js'
import { podDump } from './pod-dump.js'
import { dress, dressPointToPoint, makeWorld } from './swap-topology.js'

const settled = async (pod: Parameters<typeof podDump>[0]): Promise<void> => {
  await until('addresses are settled', () => !pod.ip('address show eth0').includes('tentative'))
}

for (const [name, put] of [
  ['bridge', dress],
  ['ptp', dressPointToPoint],
] as const) {
  t.test(`a pod dressed by ${name} looks the same after attach and after detach`, async (t) => {
    const world = makeWorld(t)
    put(world.pod)
    await settled(world.pod)
    const before = podDump(world.pod)
    const record = attach(world.context(), world.spec())
    t.strictSame(podDump(world.pod), before, 'after attach')
    detach(world.context(), record, record.netns)
    t.strictSame(podDump(world.pod), before, 'after detach')
    t.strictSame(world.warnings, [])
    t.strictSame(readdirSync(world.instance.endpointsDir), [])
    t.strictSame(readdirSync(world.instance.journalDir), [])
    t.ok(existsSync(world.instance.netnsPath))
  })
}
