/** From environment and stdin to the error object: every verb in every version, before anything is touched. */
import t from 'tap'
import { SUPPORTED_VERSIONS, type Verb } from '../../src/core/cni/version.js'
import type { PluginDeps } from '../../src/plugin/deps.js'
import { dispatch } from '../../src/plugin/dispatch.js'

type Keys = Readonly<Record<string, unknown>>
type Env = Readonly<Record<string, string>>

const SINCE: Readonly<Record<string, readonly Verb[]>> = {
  '0.3.0': ['ADD', 'DEL'],
  '0.3.1': ['ADD', 'DEL'],
  '0.4.0': ['ADD', 'DEL', 'CHECK'],
  '1.0.0': ['ADD', 'DEL', 'CHECK'],
  '1.1.0': ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS'],
}
const VERBS: readonly Verb[] = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS']
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  ADD: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'],
  CHECK: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'],
  DEL: ['CNI_CONTAINERID', 'CNI_IFNAME', 'CNI_PATH'],
  GC: ['CNI_PATH'],
  STATUS: ['CNI_PATH'],
}
const GOOD_ENV: Env = {
  CNI_CONTAINERID: 'abc',
  CNI_NETNS: '/run/netns/abc',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin',
}

/** Touching anything would go through these. */
function untouchable(): PluginDeps {
  throw new Error('the world was touched')
}

const run = (env: Env, stdin: string) => dispatch({ env, stdin: () => stdin, deps: untouchable })

function configOf(cniVersion: string, more: Keys = {}): Keys {
  return { cniVersion, name: 'pods', type: 'vethwall', prevResult: { ips: [] }, ...more }
}

/** Each wrong thing, in the order in which the first one is what the error names. */
interface Fault {
  readonly name: string
  readonly env?: Env
  readonly config?: Keys
  readonly stdin?: string
  readonly code: number
  readonly says: RegExp
  readonly verbs?: readonly Verb[]
}
const FAULTS: readonly Fault[] = [
  { name: 'bad id', env: { CNI_CONTAINERID: '../x' }, code: 4, says: /CNI_CONTAINERID/ },
  { name: 'relative netns', env: { CNI_NETNS: 'x' }, code: 4, says: /CNI_NETNS/ },
  { name: 'bad ifname', env: { CNI_IFNAME: 'a/b' }, code: 4, says: /CNI_IFNAME/ },
  { name: 'empty stdin', stdin: '', code: 6, says: /stdin is not JSON/ },
  { name: 'two documents', stdin: '{}{}', code: 6, says: /stdin is not JSON/ },
  { name: 'no object', stdin: '[]', code: 6, says: /stdin is not an object/ },
  { name: 'no version', config: { cniVersion: undefined }, code: 1, says: /"0.1.0"/ },
  { name: 'old version', config: { cniVersion: '0.2.0' }, code: 1, says: /"0.2.0"/ },
  { name: 'later version', config: { cniVersion: '1.2.0' }, code: 1, says: /"1.2.0"/ },
  { name: 'no version number', config: { cniVersion: '1.0' }, code: 1, says: /"1.0"/ },
  { name: 'no name', config: { name: undefined }, code: 7, says: /network name null/ },
  { name: 'path as name', config: { name: '../x' }, code: 7, says: /network name "..\/x"/ },
  { name: 'bad failure', config: { failure: 'maybe' }, code: 7, says: /failure/ },
  { name: 'null is not absent', config: { failure: null }, code: 7, says: /failure/ },
  { name: 'bad instance', config: { instance: '../x' }, code: 7, says: /instance/ },
  { name: 'bad driver', config: { driver: 'ovs' }, code: 7, says: /driver/ },
  {
    name: 'no prevResult',
    config: { prevResult: undefined },
    ...{ code: 7, says: /needs prevResult/, verbs: ['ADD', 'CHECK'] },
  },
  {
    name: 'an interface without a name',
    config: { prevResult: { interfaces: [{ sandbox: '/n' }] } },
    ...{ code: 7, says: /prevResult is not/, verbs: ['ADD', 'CHECK'] },
  },
  {
    name: 'a sandbox that is no path',
    config: { prevResult: { interfaces: [{ name: 'eth0', sandbox: 3 }] } },
    ...{ code: 7, says: /prevResult is not/, verbs: ['ADD', 'CHECK'] },
  },
  {
    name: 'junk prevResult',
    config: { prevResult: { ips: 3 } },
    ...{ code: 7, says: /prevResult is not/, verbs: ['ADD', 'CHECK'] },
  },
]

t.test('one fault at a time', async (t) => {
  let count = 0
  for (const cniVersion of SUPPORTED_VERSIONS) {
    for (const verb of SINCE[cniVersion] ?? []) {
      for (const fault of FAULTS) {
        if (fault.verbs !== undefined && !fault.verbs.includes(verb)) continue
        const config = configOf(cniVersion, fault.config)
        const stdin = fault.stdin ?? JSON.stringify(config)
        const outcome = await run({ ...GOOD_ENV, CNI_COMMAND: verb, ...fault.env }, stdin)
        const claim = `${verb} ${cniVersion}: ${fault.name}`
        const echoed = fault.stdin === undefined ? (config.cniVersion ?? '1.1.0') : '1.1.0'
        t.match(outcome, { status: 1, stderr: '' }, claim)
        t.match(JSON.parse(outcome.stdout), { code: fault.code, cniVersion: echoed }, claim)
        t.match(JSON.parse(outcome.stdout).msg, fault.says, claim)
        count++
      }
    }
  }
  t.comment(`${count} cells`)
})

t.test('the first of several is told', async (t) => {
  for (const [at, first] of FAULTS.entries()) {
    for (const second of FAULTS.slice(at + 1)) {
      // The last word of two about one thing counts, and a stdin is bad as a whole.
      if (first.code === second.code) continue
      const config = configOf('1.0.0', { ...second.config, ...first.config })
      const stdin = first.stdin ?? second.stdin ?? JSON.stringify(config)
      const env = { ...GOOD_ENV, CNI_COMMAND: 'ADD', ...second.env, ...first.env }
      const { code } = JSON.parse((await run(env, stdin)).stdout) as { code: number }
      t.equal(code, first.code, `${first.name} before ${second.name}`)
    }
  }
})

t.test('missing variables are named, all of them', async (t) => {
  for (const verb of VERBS) {
    const all = NEEDS[verb] ?? []
    for (const missing of [all, ...all.map((name) => [name])]) {
      const env = Object.entries(GOOD_ENV).filter(([name]) => !missing.includes(name))
      const stdin = JSON.stringify(configOf('1.1.0'))
      const outcome = await run({ ...Object.fromEntries(env), CNI_COMMAND: verb }, stdin)
      t.match(JSON.parse(outcome.stdout), {
        code: 4,
        cniVersion: '1.1.0',
        msg: `${verb} needs ${missing.join(', ')} in the environment`,
      })
    }
  }
})

t.test('a verb newer than the configuration, and one that nobody knows', async (t) => {
  for (const cniVersion of SUPPORTED_VERSIONS) {
    const stdin = JSON.stringify(configOf(cniVersion))
    for (const verb of VERBS) {
      if (SINCE[cniVersion]?.includes(verb)) continue
      const { stdout } = await run({ ...GOOD_ENV, CNI_COMMAND: verb }, stdin)
      t.match(JSON.parse(stdout), { code: 1, cniVersion, msg: `${verb} does not exist` })
    }
    const { stdout } = await run({ ...GOOD_ENV, CNI_COMMAND: 'UPDATE' }, stdin)
    t.match(JSON.parse(stdout), { code: 4, cniVersion, msg: /CNI_COMMAND "UPDATE".*ADD, DEL/ })
  }
  const { stdout } = await run({ ...GOOD_ENV, CNI_COMMAND: 'ADD' }, '{"cniVersion":"0.2.0"}')
  t.match(JSON.parse(stdout).details, /says 0.2.0, supported are 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0/)
})

t.test('VERSION answers whatever it is asked with', async (t) => {
  const dummy = { CNI_CONTAINERID: '', CNI_NETNS: 'dummy', CNI_IFNAME: 'dummy', CNI_PATH: 'dummy' }
  const asked: readonly (readonly [stdin: string, cniVersion: string])[] = [
    ...SUPPORTED_VERSIONS.map((v) => [JSON.stringify({ cniVersion: v }), v] as const),
    ...(['', ' \n', 'junk', '{', '[]', 'null', '{}'] as const).map((s) => [s, '1.1.0'] as const),
    ['{"cniVersion":"9.9.9"}', '1.1.0'],
    ['{"cniVersion":"0.1.0"}', '1.1.0'],
    ['{"cniVersion":4}', '1.1.0'],
  ]
  for (const [stdin, cniVersion] of asked) {
    for (const env of [{}, dummy]) {
      const outcome = await run({ CNI_COMMAND: 'VERSION', ...env }, stdin)
      const want = `${JSON.stringify({ cniVersion, supportedVersions: SUPPORTED_VERSIONS })}\n`
      t.same(outcome, { status: 0, stdout: want, stderr: '' }, JSON.stringify(stdin))
    }
  }
})

t.test('without a command: what this is, on stderr', async (t) => {
  for (const env of [{}, { CNI_COMMAND: '' }, GOOD_ENV]) {
    const outcome = await run(env, 'junk')
    t.match(outcome, {
      status: 0,
      stdout: '',
      stderr: /chained CNI plugin[\s\S]*CNI versions: 0.3.0/,
    })
  }
})
