/**
 * State files cut at every length and zero-filled: a warning, no crash, no other pod touched. What becomes of the
 * pod whose own record it was is the reconciler's test.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import type { AttachmentKey, EndpointRecord } from '../../src/core/endpoint.js'
import { ENDPOINT_ID_MAX } from '../../src/core/instance.js'
import { ATTACH_SCHEMA, attachFileSchema } from '../../src/core/policy/attach-rules.js'
import { Learning } from '../../src/dpd/learning.js'
import { ModeOverrides } from '../../src/dpd/mode-overrides.js'
import { PolicySources } from '../../src/dpd/policy-sources.js'
import { os } from '../../src/intercept/addon.js'
import { check } from '../../src/intercept/check.js'
import { allocateId } from '../../src/intercept/endpoint-id.js'
import { listRecords, readState, recordPath } from '../../src/intercept/endpoint-records.js'
import { listJournal, readJournal } from '../../src/intercept/journal.js'
import { vexName, vinName } from '../../src/intercept/link-names.js'
import { type Os, OsError } from '../../src/intercept/os.js'
import { recover } from '../../src/intercept/recover.js'
import { detach } from '../../src/intercept/restore.js'
import { attach } from '../../src/intercept/swap.js'
import { podDump } from './pod-dump.js'
import { dressPlain, makePod, makeWorld, settled, type World } from './swap-topology.js'

t.setTimeout(600_000)

/** Every prefix but the whole, and the whole in zeros. A JSON text without its newline is whole. */
function* damaged(text: string): Generator<readonly [claim: string, damaged: string]> {
  for (let length = 0; length < text.trimEnd().length; length++) {
    yield [`cut at ${length}`, text.slice(0, length)]
  }
  yield ['zero-filled', '\0'.repeat(text.length)]
}

/** A handful of them, for what takes its time. */
const handful = (text: string) =>
  [0, 1, Math.floor(text.length / 2), text.trimEnd().length - 1]
    .map((n) => text.slice(0, n))
    .concat('\0'.repeat(text.length))

/** `claim` fails once, with the first that is not so: a thousand lines say no more. */
function all(t: Test, claim: string, failures: readonly string[], count: number): void {
  t.strictSame(failures.slice(0, 3), [], `${claim}: ${count} ways`)
}

interface Other {
  readonly record: EndpointRecord
  check(t: Test, claim: string): void
}

/** A second pod of the instance, which nothing may touch. */
async function makeOther(t: Test, world: World): Promise<Other> {
  const pod = makePod(t, world.host, 'host1')
  pod.ip('address add 10.1.0.9/24 dev eth0')
  pod.ip('address add fd01::9/64 dev eth0 nodad')
  await settled(pod)
  const spec = world.spec({ containerID: 'other', netns: pod.path, pod: 'other' })
  const record = attach(world.context(), spec)
  const before = podDump(pod)
  return {
    record,
    check(t, claim) {
      t.strictSame(podDump(pod), before, `${claim}: the other pod`)
      const links = world.enforcerLinks()
      t.ok(
        [vinName(spec), vexName(spec)].every((name) => links.includes(name)),
        'its links',
      )
      const known = readFileSync(recordPath(world.instance, spec), 'utf8')
      t.strictSame(JSON.parse(known), record, 'its record')
    },
  }
}

/** How often it warned during the call. */
function warnings(world: World, call: () => unknown): number {
  const before = world.warnings.length
  call()
  return world.warnings.length - before
}

t.test('a record', async (t) => {
  const world = makeWorld(t)
  dressPlain(world.pod)
  await settled(world.pod)
  const other = await makeOther(t, world)
  const path = recordPath(world.instance, world.spec())
  attach(world.context(), world.spec())
  const whole = readFileSync(path, 'utf8')
  const known = JSON.parse(whole) as EndpointRecord

  const failures: string[] = []
  let count = 0
  for (const [claim, text] of damaged(whole)) {
    count++
    writeFileSync(path, text)
    if (warnings(world, () => check(world.context(), world.spec())) === 0) failures.push(claim)
    writeFileSync(path, text)
    const listed = listRecords(world.instance, () => {})
    const isWhole = listed.every((r) => isDeepStrictEqual(r, known) || r.containerID === 'other')
    if (!isWhole) failures.push(`${claim}: listed, but not by the spare copy`)
    writeFileSync(path, text)
    const id = allocateId(world.instance, () => {})
    if (id === other.record.id || id === known.id) failures.push(`${claim}: an id in use`)
  }
  all(t, 'CHECK, list, a new id', failures, count)
  other.check(t, 'read')

  for (const [number, text] of handful(whole).entries()) {
    const netns = makePod(t, world.host, `pod${number}`).path
    const spec = world.spec({ containerID: `pod${number}`, netns })
    attach(world.context(), spec)
    for (const call of [
      () => recover(world.context()),
      () => attach(world.context(), spec),
      () => detach(world.context(), spec, netns),
    ]) {
      writeFileSync(recordPath(world.instance, spec), text)
      t.ok(warnings(world, call) > 0, `${text.length} octets: a warning`)
    }
  }
  other.check(t, 'recover, ADD, DEL')
})

/**
 * From that call on, counted while there is a journal, nothing gets through, not even what undoes; `close`
 * always does, as in a kernel.
 */
function deadFrom(at: number, journal: string): Os {
  let calls = 0
  return new Proxy(os, {
    get(inner, name, receiver) {
      const value: unknown = Reflect.get(inner, name, receiver)
      if (typeof value !== 'function' || name === 'close') return value
      return (...args: unknown[]) => {
        if (existsSync(journal) && ++calls >= at) throw new OsError('EIO', 5, String(name), 'dead')
        return Reflect.apply(value, inner, args)
      }
    },
  })
}

/** The journal that a process leaves which dies in the middle of ADD. */
function brokenOff(world: World): string {
  const key: AttachmentKey = world.spec()
  const journal = join(world.instance.journalDir, basename(recordPath(world.instance, key)))
  try {
    attach(world.context(undefined, deadFrom(3, journal)), world.spec())
  } catch {
    return journal
  }
  throw new Error('the swap did not break off')
}

t.test('a journal', async (t) => {
  const world = makeWorld(t)
  dressPlain(world.pod)
  await settled(world.pod)
  const other = await makeOther(t, world)
  const path = brokenOff(world)
  const whole = readFileSync(path, 'utf8')
  t.not(
    readJournal(world.instance, world.spec(), () => {}),
    null,
    'whole, it is read',
  )

  const failures: string[] = []
  let count = 0
  for (const [claim, text] of damaged(whole)) {
    count++
    writeFileSync(path, text)
    const warned = warnings(world, () => {
      if (listJournal(world.instance, world.context().warn).length > 0) failures.push(claim)
    })
    if (warned === 0 || existsSync(path)) failures.push(`${claim}: not set aside`)
  }
  all(t, 'list', failures, count)

  for (const text of handful(whole)) {
    for (const call of [
      () => recover(world.context()),
      () => check(world.context(), world.spec()),
      () => attach(world.context(), world.spec({ containerID: 'another' })),
      () => detach(world.context(), world.spec(), world.pod.path),
    ]) {
      writeFileSync(path, text)
      t.doesNotThrow(() => {
        try {
          call()
        } catch (error) {
          // The pod's own interface may be in the enforcer still: then ADD says so.
          if ((error as Error).name !== 'NoSuchInterfaceError') throw error
        }
      })
    }
  }
  other.check(t, 'recover, CHECK, ADD, DEL')
})

t.test('the last id given out', async (t) => {
  const world = makeWorld(t)
  const other = await makeOther(t, world)
  const path = join(world.instance.runDir, 'last-id')
  const texts = ['', '\0\0\0', '1', '12', '-5', '1e9', '99999999999999999999', 'x', '16383\n', '0']
  for (const text of texts) {
    writeFileSync(path, text)
    const id = allocateId(world.instance, () => {})
    const isFree = id >= 1 && id <= ENDPOINT_ID_MAX && id !== other.record.id
    t.ok(isFree, `${JSON.stringify(text)}: ${id}`)
  }
})

t.test('what dpd keeps, and attach.json', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'vethwall-bad-state-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const rule = { namespace: 'default', pod: 'web*', labels: { app: 'web' }, mode: 'protect' }
  const tuple = { direction: 'egress', peer: { cidr: '10.0.0.9/32' }, protocol: 6, port: 80 }
  const mode = { namespace: 'default', pod: 'web', ifName: 'eth0', mode: 'protect' }
  const policy = { path: '/etc/vethwall/policy.d/a.yaml', text: '---\n' }
  type Fault = (message: string) => void
  const files: readonly {
    name: string
    state: object
    read: (path: string, fault: Fault) => void
  }[] = [
    {
      name: 'attach.json',
      state: { schema: ATTACH_SCHEMA, rules: [{ ...rule, failure: 'closed' }] },
      read: (path, fault) => readState(path, attachFileSchema, fault),
    },
    {
      name: 'modes.json',
      state: { schema: 1, modes: [mode], quarantined: ['u-1'] },
      read: (path, fault) => new ModeOverrides(path, fault).all(),
    },
    {
      name: 'learned.json',
      state: { schema: 1, pods: [{ pod: 'default/web', tuples: [{ ...tuple, app: null }] }] },
      read: (_path, fault) => new Learning(dir, fault).of('default', 'web'),
    },
    {
      name: 'last-good-policy.json',
      state: { schema: 1, policies: [policy], endpoints: [] },
      read: (path, fault) =>
        new PolicySources({ policies: dir, endpoints: dir }, path, fault).readLastGood(),
    },
  ]
  for (const { name, state, read } of files) {
    const path = join(dir, name)
    const whole = `${JSON.stringify(state)}\n`
    const failures: string[] = []
    let count = 0
    const faultsOf = (text: string): string[] => {
      writeFileSync(path, text)
      const faults: string[] = []
      read(path, (message) => faults.push(message))
      return faults
    }
    t.strictSame(faultsOf(whole), [], `${name}: whole`)
    for (const [claim, text] of damaged(whole)) {
      count++
      const faults = faultsOf(text)
      if (faults.length !== 1 || !faults[0]?.startsWith(path)) failures.push(claim)
    }
    all(t, `${name}: one warning that names it`, failures, count)
  }
})
