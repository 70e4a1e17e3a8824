/**
 * The main job on real traffic: pods through a CNI chain, servers and clients in them, a policy
 * enforced, each denial explained. Uses an instance and directories of its own.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Exit, Node, type Pod, until } from '../test/node.js'
import { root } from '../test/root.js'
import { Checks } from './checks.js'
import { startDns, startWeb } from './servers.js'

const HOST_DIRS = [
  '/etc/cni',
  '/opt/cni',
  '/etc/vethwall',
  '/var/lib/cni',
  '/run/netns',
  '/sys/fs/bpf',
]
/** A line for each thing below them; bpffs has two files of its own. */
const listing = (): string[] =>
  execFileSync(
    'sh',
    [
      '-c',
      `find ${HOST_DIRS.join(' ')} -mindepth 1 ! -name '*.debug' -printf '%M %u:%g %p\\n' 2>/dev/null
      ip -o link | cut -d: -f2`,
    ],
    { encoding: 'utf8' },
  ).split('\n')

interface Denied {
  readonly flow: number
  readonly verdict: string
  readonly would: string | null
}

const FAMILIES = ['IPv4', 'IPv6'] as const
type Family = (typeof FAMILIES)[number]
const addressOf = (pod: Pod, family: Family): string => (family === 'IPv4' ? pod.ip4 : pod.ip6)

class Demo {
  readonly checks = new Checks()

  constructor(
    private readonly node: Node,
    private readonly pods: Readonly<Record<'client' | 'web' | 'dns' | 'watched', Pod>>,
  ) {}

  curl(family: Family, to: Pod, url: string, ...more: string[]): Promise<Exit> {
    const host = new URL(url)
    const port = host.port || (host.protocol === 'https:' ? '443' : '80')
    const address = family === 'IPv4' ? addressOf(to, family) : `[${addressOf(to, family)}]`
    return this.pods.client.exec('curl', [
      '-sS',
      '-k',
      '--max-time',
      '5',
      '--resolve',
      `${host.hostname}:${port}:${address}`,
      ...more,
      url,
    ])
  }

  dig(family: Family, name: string, ...more: string[]): Promise<Exit> {
    return this.pods.client.exec('dig', [
      '+tries=1',
      '+time=3',
      `@${addressOf(this.pods.dns, family)}`,
      name,
      ...more,
    ])
  }

  allowed(claim: string, exit: Exit, wanted: RegExp): void {
    this.checks.check(
      claim,
      wanted.test(exit.stdout),
      exit.status === 0 ? '' : exit.stdout + exit.stderr,
    )
  }

  /** Refused at once, by a rule that `dpctl why` can name. */
  async denied(
    claim: string,
    pod: Pod,
    call: () => Promise<Exit>,
    refused: (exit: Exit) => boolean,
    why: RegExp,
  ): Promise<void> {
    const seen = new Set((await this.flows(pod, 'deny')).map(({ flow }) => flow))
    const started = Date.now()
    const exit = await call()
    const tookMs = Date.now() - started
    const fresh = async () => (await this.flows(pod, 'deny')).filter(({ flow }) => !seen.has(flow))
    let flow: Denied | undefined
    await until(
      'the denied flow is listed',
      async () => {
        flow = (await fresh())[0]
        return flow !== undefined
      },
      3000,
    ).catch(() => {})
    const reason =
      flow === undefined
        ? { stdout: 'no denied flow is listed' }
        : await this.node.dpctl('why', String(flow.flow))
    const holds = refused(exit) && tookMs < 3000 && why.test(reason.stdout)
    this.checks.check(
      `${claim} (told after ${tookMs} ms)`,
      holds,
      holds ? reason.stdout : `${exit.stdout}${exit.stderr}\n${reason.stdout}`,
    )
  }

  async flows(pod: Pod, verdict: string): Promise<readonly Denied[]> {
    const answer = await this.node.api(`/v1/flows?verdict=${verdict}&pod=default/${pod.name}`)
    return (answer?.flows ?? []) as readonly Denied[]
  }

  async http(family: Family): Promise<void> {
    const { web } = this.pods
    // curl's 28 is a time-out: refused means told, by HTTP's own 403 or by a reset.
    const reset = (exit: Exit) =>
      exit.status === 0 ? /Denied by network policy/.test(exit.stdout) : exit.status !== 28
    this.allowed(
      `${family}: GET shop.example/items/1 passes`,
      await this.curl(family, web, 'http://shop.example/items/1'),
      /hello from web/,
    )
    await this.denied(
      `${family}: POST is refused`,
      web,
      () => this.curl(family, web, 'http://shop.example/items/1', '-d', 'x=1'),
      reset,
      /POST/,
    )
    await this.denied(
      `${family}: path /admin is refused`,
      web,
      () => this.curl(family, web, 'http://shop.example/admin'),
      reset,
      /admin/,
    )
    this.allowed(
      `${family}: TLS to shop.example passes`,
      await this.curl(family, web, 'https://shop.example/'),
      /hello from web/,
    )
    await this.denied(
      `${family}: TLS to other.example is refused`,
      web,
      () => this.curl(family, web, 'https://other.example/'),
      reset,
      /other\.example/,
    )
    await this.denied(
      `${family}: plain HTTP on the TLS port is refused`,
      web,
      () => this.curl(family, web, 'http://shop.example:443/items/1'),
      reset,
      /http/,
    )
  }

  async dns(family: Family): Promise<void> {
    const { dns } = this.pods
    this.allowed(
      `${family}: a look-up of www.example passes`,
      await this.dig(family, 'www.example'),
      /192\.0\.2\.1/,
    )
    await this.denied(
      `${family}: a look-up of www.forbidden is REFUSED`,
      dns,
      () => this.dig(family, 'www.forbidden'),
      (exit) => /REFUSED/.test(exit.stdout),
      /www\.forbidden/,
    )
  }

  async monitor(family: Family): Promise<void> {
    const { watched } = this.pods
    const before = (await this.flows(watched, 'would-deny')).length
    this.allowed(
      `${family}: monitor lets POST /admin pass`,
      await this.curl(family, watched, 'http://shop.example/admin', '-d', 'x=1'),
      /hello from watched/,
    )
    await until(
      'would: deny',
      async () => (await this.flows(watched, 'would-deny')).length > before,
      3000,
    ).catch(() => {})
    const flow = (await this.flows(watched, 'would-deny')).at(-1)
    const reason =
      flow === undefined ? 'none' : (await this.node.dpctl('why', String(flow.flow))).stdout
    this.checks.check(`${family}: and records would: deny`, flow?.would === 'deny', reason)
  }

  async withoutDaemon(): Promise<void> {
    const { web, watched } = this.pods
    await this.node.stopDpd('SIGKILL')
    for (const family of FAMILIES) {
      let open: Exit = { status: 1, stdout: '', stderr: '' }
      await until(
        'open',
        async () => {
          open = await this.curl(family, watched, 'http://shop.example/items/1')
          return open.status === 0
        },
        5000,
      ).catch(() => {})
      this.allowed(`${family}: dpd killed, the open pod keeps talking`, open, /hello from watched/)
      const closed = await this.curl(
        family,
        web,
        'http://shop.example/items/1',
        '--connect-timeout',
        '2',
      )
      this.checks.check(
        `${family}: dpd killed, the closed pod does not`,
        closed.status !== 0,
        closed.stderr,
      )
    }
    await this.node.startDpd()
    for (const family of FAMILIES) {
      let again: Exit = { status: 1, stdout: '', stderr: '' }
      await until(
        'again',
        async () => {
          again = await this.curl(family, web, 'http://shop.example/items/1')
          return again.status === 0
        },
        5000,
      ).catch(() => {})
      this.allowed(`${family}: dpd back, the closed pod is served again`, again, /hello from web/)
    }
  }
}

const ENDPOINTS = `namespaces:
  - { name: default, labels: {} }
pods:
  - { namespace: default, name: client, labels: { app: client } }
  - { namespace: default, name: web, labels: { app: web } }
  - { namespace: default, name: dns, labels: { app: dns } }
  - { namespace: default, name: watched, labels: { app: watched } }
`

async function main(): Promise<number> {
  const before = listing()
  const node = new Node({ name: `vwdemo${process.pid}` })
  const checks = new Checks()
  const stop = () => void node.close().finally(() => process.exit(130))
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    checks.section('a node: CNI chain bridge + vethwall, dpd')
    writeFileSync(join(node.endpointsDir, 'demo.yaml'), ENDPOINTS)
    copyFileSync(join(root, 'demo', 'policy.yaml'), join(node.policyDir, 'demo.yaml'))
    await node.startDpd()
    console.log(readFileSync(join(root, 'demo', 'policy.yaml'), 'utf8').replace(/^/gm, '    '))
    const pods = {
      client: await node.addPod('client'),
      web: await node.addPod('web'),
      dns: await node.addPod('dns'),
      watched: await node.addPod('watched'),
    }
    await startWeb(pods.web, node.dir)
    await startWeb(pods.watched, node.dir)
    await startDns(pods.dns, node.dir)
    console.log((await node.dpctl('pods')).stdout)
    await run(new Demo(node, pods), checks, node)
  } finally {
    await node.close()
  }
  const after = listing()
  const gone = before.filter((line) => !after.includes(line)).map((line) => `- ${line}`)
  const left = after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`)
  checks.check(
    'the host is as it was',
    gone.length + left.length === 0,
    ['compared: CNI directories, namespaces, links, bpffs', ...gone, ...left].join('\n'),
  )
  console.log(`\ndemo: ${checks.passed} checks passed, ${checks.failed} failed`)
  return checks.failed === 0 ? 0 : 1
}

async function run(demo: Demo, checks: Checks, node: Node): Promise<void> {
  for (const family of FAMILIES) {
    demo.checks.section(`${family}: what is inside decides`)
    await demo.http(family)
    await demo.dns(family)
    await demo.monitor(family)
  }
  demo.checks.section('the flow table')
  console.log((await node.dpctl('flows')).stdout)
  demo.checks.section('when dpd dies')
  await demo.withoutDaemon()
  checks.passed += demo.checks.passed
  checks.failed += demo.checks.failed
}

process.exitCode = await main()
