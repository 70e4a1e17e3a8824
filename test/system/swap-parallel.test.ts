/** Many ADDs at once, of different pods and of one; DEL beside ADD. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { os } from '../../src/intercept/addon.js'
import { check } from '../../src/intercept/check.js'
import { keyLockPath, listRecords } from '../../src/intercept/endpoint-records.js'
import { isDemanded } from '../../src/intercept/lock.js'
import type { Os } from '../../src/intercept/os.js'
import { detach } from '../../src/intercept/restore.js'
import { attach } from '../../src/intercept/swap.js'
import { podDump, podDumpAnyIndex } from './pod-dump.js'
import { dressPlain, makePod, makeWorld, settled, type World } from './swap-topology.js'

t.setTimeout(180_000)
const CHILD = join(import.meta.dirname, 'swap-child.js')
const PODS = 6
const neverWoken = new Int32Array(new SharedArrayBuffer(4))

/** Exit status, and what it said. */
async function run(world: World, verb: 'ADD' | 'DEL', netns: string, containerID: string) {
  const child = spawn(process.execPath, [CHILD, verb, world.instance.name, netns, '0', containerID])
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk)
  })
  const [status] = await once(child, 'close')
  return { status, stderr }
}

const DONE = { status: 0, stderr: '' }

t.test('pods that come and go at once do not disturb each other', async (t) => {
  const world = makeWorld(t)
  const others = Array.from({ length: PODS - 1 }, (_, i) => makePod(t, world.host, `h${i}`))
  const pods = [world.pod, ...others]
  for (const pod of pods) dressPlain(pod)
  for (const pod of pods) await settled(pod)
  const before = pods.map((pod) => podDumpAnyIndex(pod))
  const every = (verb: 'ADD' | 'DEL') =>
    Promise.all(pods.map((pod, i) => run(world, verb, pod.path, `c${i}`)))
  t.strictSame(await every('ADD'), Array(PODS).fill(DONE))
  const records = listRecords(world.instance, t.fail.bind(t))
  t.equal(new Set(records.map(({ id }) => id)).size, PODS, 'as many ids as pods')
  for (const record of records) t.strictSame(check(world.context(), record), [])
  t.strictSame(
    pods.map((pod) => podDumpAnyIndex(pod)),
    before,
  )
  t.strictSame(await every('DEL'), Array(PODS).fill(DONE))
  t.strictSame(
    pods.map((pod) => podDumpAnyIndex(pod)),
    before,
  )
  t.notMatch(world.enforcerLinks().join(), /vin-|vex-/)
})

t.test('ADD and DEL of one endpoint are a sequence, whichever comes first', async (t) => {
  const world = makeWorld(t)
  dressPlain(world.pod)
  await settled(world.pod)
  const before = podDumpAnyIndex(world.pod)
  const verbs = ['ADD', 'ADD', 'DEL', 'ADD', 'DEL'] as const
  const exits = await Promise.all(verbs.map((verb) => run(world, verb, world.pod.path, 'c')))
  for (const { status, stderr } of exits) {
    if (status !== 0) t.match(stderr, /CancelledError: DEL of eth0 of container c came/)
  }
  t.strictSame(podDumpAnyIndex(world.pod), before, 'intercepted or not, the pod sees the same')
  detach(world.context(), { ...world.spec(), containerID: 'c' }, world.pod.path)
  t.notMatch(world.enforcerLinks().join(), /vin-|vex-/)
  t.strictSame(podDumpAnyIndex(world.pod), before)
})

t.test('a DEL that comes while ADD runs cancels it, at whatever step', async (t) => {
  const world = makeWorld(t)
  dressPlain(world.pod)
  await settled(world.pod)
  const lockPath = keyLockPath(world.instance, world.spec())
  let cancelled = 0
  for (let step = 1; ; step += 4) {
    const before = podDump(world.pod)
    let del: Promise<unknown> | undefined
    let calls = 0
    const netlinkRequest: Os['netlinkRequest'] = (...args) => {
      if (++calls === step) {
        del = run(world, 'DEL', world.pod.path, 'c0ffee')
        while (!isDemanded(os, lockPath)) Atomics.wait(neverWoken, 0, 0, 1)
      }
      return os.netlinkRequest(...args)
    }
    try {
      attach(world.context(undefined, { ...os, netlinkRequest }), world.spec())
    } catch (error) {
      t.match(error, { name: 'CancelledError' }, `step ${step}`)
      t.strictSame(podDump(world.pod), before, `undone, step ${step}`)
      cancelled++
    }
    if (del === undefined) break
    t.strictSame(await del, DONE, `DEL, step ${step}`)
    t.strictSame(listRecords(world.instance, t.fail.bind(t)), [], 'no record is left')
    t.strictSame(readdirSync(join(world.instance.runDir, 'locks')), [], 'no lock is left')
  }
  t.ok(cancelled > 2, `${cancelled} steps cancelled`)
})
