/**
 * Pods that come and go by the hundred, 16 at a time, while dpd starts, stops and is killed: DELs overtake
 * their ADDs, ADDs are killed half-way, and in the end nothing is left.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { interfacesDir, keyHash } from '../../src/intercept/endpoint-records.js'
import { type Attachment, PluginError } from '../cni-chain.js'
import { exec, Node, until } from '../node.js'
import { bpfEntries } from './bpf-entries.js'

t.setTimeout(900_000)
/** Each is two to four ADDs and DELs. */
const PODS = process.env.SOAK === '1' ? 500 : 32
const PARALLEL = 16
/** A restart of dpd may leave an ADD waiting for its 2 s, on a machine that does 16 things at once. */
const DEADLINE_MS = 60_000

const SHAPES = [
  'in order',
  'DEL at once',
  'DEL during ADD',
  'ADD killed',
  'DEL twice at once',
] as const
type Shape = (typeof SHAPES)[number]

/** What became of the ADDs. */
interface Tally {
  added: number
  cancelled: number
  killed: number
}

/** Resolves to what went wrong, null = nothing. An ADD that a DEL overtakes may find its interface gone. */
async function outcome(
  adding: Promise<unknown>,
  shape: Shape,
  tally: Tally,
): Promise<string | null> {
  try {
    await adding
    tally.added++
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') tally.killed++
    else if (shape !== 'in order' && error instanceof PluginError) tally.cancelled++
    else return String(error)
  }
  return null
}

/** A DEL that races: bridge refuses when its interface goes under its hands, and the runtime repeats. */
async function delRacing(node: Node, attachment: Attachment): Promise<void> {
  try {
    await node.chain.del(attachment)
  } catch (error) {
    if (!(error instanceof PluginError) || error.plugin === 'vethwall') throw error
  }
}

async function live(node: Node, number: number, tally: Tally): Promise<void> {
  const shape: Shape = SHAPES[number % SHAPES.length] ?? 'in order'
  const name = `p${number}`
  const attachment = node.attachment(name)
  const { chain, instance } = node
  const netns = `${instance.name}-${name}`
  const made = await exec('ip', ['netns', 'add', netns])
  if (made.status !== 0) throw new Error(made.stderr)
  const kill = new AbortController()
  let isSettled = false
  const settled = outcome(chain.add(attachment, kill.signal), shape, tally).finally(() => {
    isSettled = true
  })
  const journal = join(instance.journalDir, `${keyHash(attachment)}.json`)
  const isUnderWay = () =>
    until(`${name} is under way`, () => isSettled || existsSync(journal), DEADLINE_MS)
  if (shape === 'DEL at once') await delRacing(node, attachment)
  else if (shape !== 'in order') await isUnderWay()
  if (shape === 'ADD killed') kill.abort()
  const dels = shape === 'DEL twice at once' ? [1, 2] : shape === 'in order' ? [] : [1]
  await Promise.all(dels.map(() => delRacing(node, attachment)))
  const wrong = await settled
  if (wrong !== null) throw new Error(wrong)
  // An ADD that came through after its DEL is one more ADD to the runtime, which ends it likewise.
  await chain.del(attachment, { netns: number % 2 === 0, prevResult: true })
  await exec('ip', ['netns', 'del', netns])
}

/** Starts and ends it by turns until told to stop; it runs when this returns. */
async function restless(node: Node, isOver: () => boolean, served: () => number): Promise<number> {
  let starts = 0
  for (;;) {
    await node.startDpd()
    starts++
    const before = served()
    await until('some pods more', () => isOver() || served() >= before + 12, 10 * DEADLINE_MS)
    if (isOver()) return starts
    await node.stopDpd(starts % 2 === 0 ? 'SIGTERM' : 'SIGKILL')
    const without = served()
    await until(
      'some pods without dpd',
      () => isOver() || served() >= without + 6,
      10 * DEADLINE_MS,
    )
  }
}

const entries = (dir: string): string[] => (existsSync(dir) ? readdirSync(dir) : [])

async function links(netns: string): Promise<string[]> {
  const { stdout } = await exec('ip', ['-n', netns, '-o', 'link'])
  return [...stdout.matchAll(/^\d+: ([^:@]+)/gm)].map(([, name = '']) => name).sort()
}

async function remains(node: Node): Promise<unknown> {
  const { instance } = node
  const namespaces = (await exec('ip', ['netns'])).stdout.match(
    new RegExp(`${instance.name}-p\\d+`, 'g'),
  )
  return {
    namespaces,
    enforcer: await links(instance.name),
    node: await links(node.netns),
    records: entries(instance.endpointsDir),
    spares: entries(instance.endpointsSpareDir),
    journal: entries(instance.journalDir),
    interfaces: entries(interfacesDir(instance)),
    locks: entries(join(instance.runDir, 'locks')),
    notices: entries(instance.noticesDir),
    addresses: entries(join(node.dir, 'ipam', node.chain.list.name)).filter((n) =>
      /^[\da-f]/.test(n),
    ),
    maps: bpfEntries(instance),
    known: ((await node.api('/v1/pods')) as { pods?: unknown } | null)?.pods,
  }
}

const NOTHING = {
  namespaces: null,
  enforcer: ['lo', 'vbr-neuv', 'vth-neuv'],
  node: ['cni0', 'lo'],
  ...{
    records: [],
    spares: [],
    journal: [],
    interfaces: [],
    locks: [],
    notices: [],
    addresses: [],
  },
  maps: { endpoints: [], devices: [] },
  known: [],
}

t.test(`${PODS} pods, ${PARALLEL} at a time`, async (t) => {
  const node = new Node({ name: `vwtq${process.pid}` })
  t.teardown(() => node.close())
  const tally: Tally = { added: 0, cancelled: 0, killed: 0 }
  const failures: string[] = []
  let next = 0
  let ended = 0
  const worker = async (): Promise<void> => {
    while (next < PODS) {
      const number = next++
      await live(node, number, tally).catch((error: unknown) => {
        failures.push(`pod ${number}, ${SHAPES[number % SHAPES.length]}: ${String(error)}`)
      })
      ended++
    }
  }
  const daemon = restless(
    node,
    () => ended === PODS,
    () => ended,
  )
  await Promise.all([daemon, ...Array.from({ length: PARALLEL }, worker)])
  t.comment(`${JSON.stringify(tally)}, dpd started ${await daemon} times`)
  t.strictSame(failures, [], 'no ADD or DEL failed but by being overtaken')
  t.equal(tally.added + tally.cancelled + tally.killed, PODS, 'every ADD came to an end')
  for (const [what, count] of Object.entries(tally)) t.ok(count > 0, `${what}: ${count}`)
  let last: unknown
  await until('dpd has collected what is left', async () => {
    last = await remains(node)
    return JSON.stringify(last) === JSON.stringify(NOTHING)
  }).catch(() => undefined)
  t.strictSame(last, NOTHING, 'nothing is left')
})
