/**
 * Every call through native/os and every change of a file, in ADD and in DEL, fails once with each
 * plausible errno, before it takes effect and after: the pod is fully intercepted or exactly as before,
 * and nothing is left over. A normal run takes one errno of every second point, by a seed that it prints.
 */
import t, { type Test } from 'tap'
import { Judge } from './judge.js'
import { Stage, type Verb } from './stage.js'
import { everyFault, Injection, oneOfEach, ownPoints, untriedKinds } from './sweep.js'

const IS_SOAK = process.env.SOAK === '1'
const SEED = Number(process.env.FAULT_SEED ?? 0)
/** Of the points a normal run takes every second, which is told by the seed. */
const STEP = IS_SOAK ? 1 : 2
const choose = IS_SOAK ? everyFault : oneOfEach(SEED)
t.setTimeout(IS_SOAK ? 3_600_000 : 1_500_000)

/** `number`: of the sweep's cases; what follows a failure alternates by it. */
type Attempt = (injection: Injection, number: number) => Promise<void>

/** Calls `attempt` for every chosen fault of each point up to `last`, or until a run has no such point. */
async function sweep(t: Test, attempt: Attempt, last = Number.POSITIVE_INFINITY): Promise<void> {
  let [points, cases] = [0, 0]
  const first = 1 + (SEED % STEP)
  for (let at = first; (at === first || at === points + STEP) && at <= last; at += STEP) {
    let turns = 1
    for (let turn = 0; turn < turns; turn++) {
      const injection = new Injection(at, turn, choose)
      await attempt(injection, cases)
      if (injection.hit === null) break
      turns = injection.hit.turns
      points = at
      cases++
    }
  }
  t.comment(`${t.name}: ${points} points, ${cases} cases`)
}

const stage = await Stage.open(`vwfe${process.pid}`)
t.teardown(() => stage.close())
t.comment(`FAULT_SEED=${SEED}`)

t.test('ADD, the enforcer is there', async (t) => {
  const judge = await Judge.at(t, stage)
  await sweep(t, async (injection, number) => {
    const { status } = await judge.run('ADD', injection)
    // What fails after the swap leaves the pod intercepted, without its path, for the DEL that follows.
    const isIntercepted = stage.record() !== null
    t.ok(isIntercepted || status !== 0)
    if (isIntercepted) await judge.isIntercepted()
    // By itself, or by the DEL that the runtime sends after a failure.
    const isHomeAtOnce = !isIntercepted && number % 2 === 0
    if (isHomeAtOnce) await judge.isHome()
    await judge.succeeds('DEL')
    if (!isHomeAtOnce) await judge.isHome()
    judge.nothingRemains()
  })
})

t.test('DEL', async (t) => {
  const judge = await Judge.at(t, stage)
  await sweep(t, async (injection, number) => {
    await judge.succeeds('ADD')
    await judge.isIntercepted()
    const { status } = await judge.run('DEL', injection)
    if (status !== 0) {
      // The runtime repeats it, or never does and dpd looks after what is left.
      if (number % 2 === 1) stage.reconcile()
      if (stage.record() !== null && number % 2 === 1) await judge.isIntercepted()
      await judge.succeeds('DEL')
    }
    await judge.isHome()
    judge.nothingRemains()
  })
})

async function kindsOf(t: Test, verb: Verb): Promise<readonly string[]> {
  const count = new Injection(0, 0, choose)
  const { status, stdout } = await stage.run(verb, count.trap)
  t.equal(status, 0, `${verb} without a fault ${stdout}`)
  return count.kinds
}

t.test('ADD, the first since boot', async (t) => {
  const judge = await Judge.at(t, stage)
  await stage.raze()
  const cold = await kindsOf(t, 'ADD')
  await judge.succeeds('DEL')
  const last = ownPoints(cold, await kindsOf(t, 'ADD'))
  await judge.isIntercepted()
  await judge.succeeds('DEL')
  await sweep(
    t,
    async (injection) => {
      await stage.raze()
      const { status } = await judge.run('ADD', injection)
      if (status !== 0) await judge.isOutsideHome()
      // What was begun is no obstacle to the next.
      await judge.succeeds('ADD')
      await judge.isIntercepted()
      await judge.succeeds('DEL')
      await judge.isHome()
      judge.nothingRemains()
    },
    last,
  )
})

t.test('no call went by without a try', async (t) => {
  t.strictSame([...untriedKinds], [])
})
