import './machine.js'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { until } from '../node.js'
import type { Containerd } from './containerd.js'
import { podNames, startCriNode, startPods, unreached } from './cri-node.js'
import { settledLeftovers } from './leftovers.js'

t.setTimeout(290_000)
/** A machine that is slow, or busy, goes through the same stages, only stretched. */
/** A soak gives up at every 10 ms. */
const STEP_MS = process.env.SOAK === '1' ? 10 : 20
const nextDeadlineMs = (deadlineMs: number): number =>
  deadlineMs + (deadlineMs < 500 ? STEP_MS : 50)

/**
 * Waits until a RunPodSandbox has ended on containerd's side, whoever still waits for it, and gives what it
 * logs of that; '' = the request never got there.
 */
async function ended({ cri, logPath }: Containerd, name: string): Promise<string> {
  // On the same connection: what was sent before it has arrived before it.
  await cri.networkStatus()
  const own = () =>
    readFileSync(logPath, 'utf8')
      .split('\n')
      .filter((line) => line.includes(`RunPodSandbox for `) && line.includes(`Name:${name},`))
  if (own().length === 0) return ''
  await until(`RunPodSandbox of ${name} has ended`, () => own().length > 1)
  return own().at(-1) ?? ''
}

t.test(
  `containerd's CRI over gRPC: the client gives up after ever more ms of RunPodSandbox`,
  async (t) => {
    const cri = await startCriNode(t)
    const { node, containerd } = cri
    let killed = 0
    let deadlines = 0
    let deadlineMs = 10
    for (let isStarted = false; !isStarted; deadlineMs = nextDeadlineMs(deadlineMs)) {
      deadlines++
      const name = `pod-${deadlineMs}`
      const run = containerd.cri.runPodSandbox(containerd.sandbox(name), deadlineMs)
      isStarted = await run.then(
        () => true,
        () => false,
      )
      const line = await ended(containerd, name)
      if (/vethwall.*signal: killed/.test(line)) killed++
      await containerd.removeSandboxes()
      const left = await settledLeftovers(node)
      if (left.length > 0 || isStarted) t.strictSame(left, [], `${deadlineMs} ms: nothing is left`)
    }
    t.comment(`${deadlines} deadlines, the plugin was killed at ${killed} of them`)
    t.ok(killed > 0, 'the plugin was killed')
    const { ids, pods } = await startPods(cri, ['pod-a', 'pod-b'])
    t.equal((await podNames(cri)).length, 2)
    t.strictSame(await unreached(cri, pods), [], 'new pods work')
    for (const id of ids) await containerd.removeSandbox(id)
    t.strictSame(await settledLeftovers(node), [])
  },
)
