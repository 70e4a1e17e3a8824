/**
 * The plugin as it is installed, killed once before and once after every call through native/os and every
 * change of a file, in ADD and in DEL. Then comes the runtime's DEL, or none and dpd looks after what is
 * left. A normal run kills at a ninth of these moments, at which is told by a seed that it prints.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { CniChain, type PluginError } from '../../cni-chain.js'
import { run } from '../../netns.js'
import { root } from '../../root.js'
import { Judge } from './judge.js'
import { Stage, type Verb } from './stage.js'
import { ownPoints } from './sweep.js'

const IS_SOAK = process.env.SOAK === '1'
const SEED = Number(process.env.FAULT_SEED ?? 0)
t.setTimeout(IS_SOAK ? 3_600_000 : 1_500_000)

const PRELOAD = join(import.meta.dirname, 'kill.js')
const PROGRAM = join(root, 'dist', 'plugin', 'index.js')
const NEVER = 'before 0'

const stage = await Stage.open(`vwfk${process.pid}`)
t.teardown(() => stage.close())
t.comment(`FAULT_SEED=${SEED}`)

interface Ending {
  readonly isKilled: boolean
  /** Of one that wasn't. */
  readonly calls: readonly string[]
}

async function killed(verb: Verb, killAt: string): Promise<Ending> {
  const { env, stdin } = stage.call(verb)
  const child = spawn(process.execPath, ['--import', PRELOAD, PROGRAM], {
    env: { ...env, KILL_AT: killAt, KILL_FOLDERS: stage.folders.join(':') },
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  child.stdin.on('error', () => {})
  child.stdin.end(stdin)
  const [status, signal] = await once(child, 'close')
  if (signal !== 'SIGKILL' && status !== 0) throw new Error(`${verb} ${killAt}: ${stderr}`)
  return {
    isKilled: signal === 'SIGKILL',
    calls: /^calls: (.*)$/m.exec(stderr)?.[1]?.split(',') ?? [],
  }
}

/** The moments of a verb of so many calls. */
function moments(calls: number): string[] {
  const all = Array.from({ length: calls }, (_, i) => [`before ${i + 1}`, `after ${i + 1}`]).flat()
  return IS_SOAK ? all : all.filter((_, i) => i % 9 === SEED % 9)
}

async function sweep(
  t: Test,
  verb: Verb,
  calls: number,
  attempt: (moment: string, number: number) => Promise<void>,
): Promise<void> {
  t.ok(calls > 0, `${verb} makes calls`)
  const chosen = moments(calls)
  for (const [number, moment] of chosen.entries()) await attempt(moment, number)
  t.comment(
    `${t.name}: ${2 * calls} points of ${calls} calls, ${verb} was killed ${chosen.length} times`,
  )
}

/** The next ADD overwrites the one, dpd removes the other. */
const SEEN_TO = /\/last-id\.new$|\/notices\/.*\.new$/

/** Without a DEL: what dpd makes of it is an end of its own. */
async function lookAfter(judge: Judge): Promise<void> {
  stage.reconcile()
  if (stage.record() === null) await judge.isHome()
  else await judge.isIntercepted()
}

t.test('ADD, the enforcer is there', async (t) => {
  const judge = await Judge.at(t, stage)
  const { calls } = await killed('ADD', NEVER)
  await judge.isIntercepted()
  await judge.succeeds('DEL')
  await sweep(t, 'ADD', calls.length, async (moment, number) => {
    judge.names(`ADD ${moment}`)
    t.ok((await killed('ADD', moment)).isKilled, `ADD is killed ${moment}`)
    if (number % 2 === 1) await lookAfter(judge)
    else if (stage.record() !== null && !stage.isJournalled()) await judge.isIntercepted()
    await judge.succeeds('DEL')
    await judge.isHome()
    judge.nothingRemains(SEEN_TO)
  })
})

t.test('DEL', async (t) => {
  const judge = await Judge.at(t, stage)
  await judge.succeeds('ADD')
  await judge.isIntercepted()
  const { calls } = await killed('DEL', NEVER)
  await sweep(t, 'DEL', calls.length, async (moment, number) => {
    judge.names(`DEL ${moment}`)
    await judge.succeeds('ADD')
    await judge.isIntercepted()
    t.ok((await killed('DEL', moment)).isKilled, `DEL is killed ${moment}`)
    if (number % 2 === 1) await lookAfter(judge)
    await judge.succeeds('DEL')
    await judge.isHome()
    judge.nothingRemains(SEEN_TO)
  })
})

t.test('ADD, the first since boot', async (t) => {
  const judge = await Judge.at(t, stage)
  const warm = await killed('ADD', NEVER)
  await judge.succeeds('DEL')
  await stage.raze()
  const cold = await killed('ADD', NEVER)
  await judge.isIntercepted()
  await judge.succeeds('DEL')
  // The rest is as above: only what makes the enforcer is of its own.
  await sweep(t, 'ADD', ownPoints(cold.calls, warm.calls), async (moment) => {
    judge.names(`first ADD ${moment}`)
    await stage.raze()
    t.ok((await killed('ADD', moment)).isKilled, `ADD is killed ${moment}`)
    await judge.isOutsideHome()
    await judge.succeeds('ADD')
    await judge.isIntercepted()
    await judge.succeeds('DEL')
    await judge.isHome()
    judge.nothingRemains(SEEN_TO)
  })
})

/** Plugins of the whole chain as the runtime runs them, ours killed at that moment. */
function chainKilledAt(moment: string): CniChain {
  const { list, options } = stage.node.chain
  const bin = join(stage.node.dir, 'killed')
  mkdirSync(bin, { recursive: true })
  const program = join(bin, 'vethwall')
  writeFileSync(program, `#!/bin/sh\nexec ${process.execPath} --import ${PRELOAD} ${PROGRAM}\n`)
  chmodSync(program, 0o755)
  const env = { KILL_AT: moment, KILL_FOLDERS: stage.folders.join(':') }
  return new CniChain(list, { ...options, binDirs: [bin, ...options.binDirs], env })
}

const addressesInUse = (): string[] =>
  readdirSync(join(stage.node.dir, 'ipam'), { recursive: true, encoding: 'utf8' }).sort()

for (const verb of ['ADD', 'DEL'] as const) {
  t.test(`${verb} of a whole chain: bridge and its IPAM have nothing left either`, async (t) => {
    const attachment = stage.node.attachment('other')
    const netns = basename(attachment.netns)
    const judge = await Judge.at(t, stage)
    const inUse = addressesInUse()
    const spread = Array.from(
      { length: IS_SOAK ? 24 : 4 },
      (_, i) => 3 + SEED + i * (IS_SOAK ? 4 : 20),
    )
    let kills = 0
    for (const moment of spread.map((number) => `before ${number}`)) {
      judge.names(`${verb} ${moment}`)
      run('ip', ['netns', 'add', netns])
      try {
        if (verb === 'DEL') await stage.node.chain.add(attachment)
        const chain = chainKilledAt(moment)
        const ended = verb === 'ADD' ? chain.add(attachment) : chain.del(attachment)
        const plugin = await ended.then(
          () => 'none',
          (error: PluginError) => error.plugin,
        )
        // A verb of fewer calls than the moment came through.
        if (plugin !== 'none') {
          t.equal(plugin, 'vethwall', `${moment}: who ended early`)
          kills++
        }
        await stage.node.chain.del(attachment)
      } finally {
        run('ip', ['netns', 'del', netns])
      }
      t.strictSame(addressesInUse(), inUse, `${moment}: addresses in use`)
      await judge.isHome()
      judge.nothingRemains(SEEN_TO)
    }
    t.ok(kills >= 3, `${kills} chains were cut short`)
  })
}

t.test('what was left to others is gone', async (t) => {
  const judge = await Judge.at(t, stage)
  stage.reconcile()
  judge.nothingRemains()
})
