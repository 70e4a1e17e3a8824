/** All that `ip` and `tc` tell of a namespace, in a form that two moments can be compared by. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { ENDS_WITH_US } from '../../process.js'

type Row = { readonly [field: string]: unknown }

/** Of both families each, but for the rules: IPv6's would take a process more, and we touch none. */
const COMMANDS = [
  'link show',
  'address show',
  'route show table all',
  'neigh show nud permanent',
  'neigh show proxy',
  'rule show',
]
const SYSCTL_DIRS = ['ipv4/conf', 'ipv6/conf', 'ipv4/neigh', 'ipv6/neigh']

export interface NetnsDump {
  readonly links: readonly Row[]
  readonly addresses: readonly Row[]
  readonly routes: readonly Row[]
  readonly neighbours: readonly (readonly Row[])[]
  readonly rules: readonly Row[]
  readonly qdiscs: readonly Row[]
  readonly filters: readonly (readonly Row[])[]
  readonly sysctls: readonly string[]
}

/** Runs down by itself: told apart are only forever, nought and something. */
const RUNNING = ['preferred_life_time', 'valid_life_time', 'expires']
/** A bridge's clocks. */
const CLOCK = /_timer$|querier/
const FOREVER = 4294967295

/** What lasts is kept as it is, what runs down by whether it does; a program by its tag, not its number. */
function steady(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(steady)
  if (typeof value !== 'object' || value === null) return value
  const lasting = Object.entries(value).filter(([name]) => !CLOCK.test(name))
  const fields = lasting.map(([name, field]) => {
    const isRunning = RUNNING.includes(name) && field !== 0 && field !== FOREVER
    if (name === 'prog') return [name, (field as Row).tag]
    return [name, isRunning ? 'some' : steady(field)]
  })
  return Object.fromEntries(fields)
}

const END = '@end'

function script(sysctlsOf: string | null, filtersOf: readonly string[]): string {
  const batch = (command: string, lines: readonly string[]) =>
    `${command} -batch - <<'END'\n${lines.join('\n')}\nEND\n`
  const paths = SYSCTL_DIRS.map((dir) => `/proc/sys/net/${dir}/${sysctlsOf}/*`)
  return [
    batch('ip -j -d', COMMANDS),
    batch('tc -j', ['qdisc show', ...filtersOf.map((dev) => `filter show dev ${dev} ingress`)]),
    'echo @\n',
    // The shell's own read: a process would cost more than all of them.
    sysctlsOf === null
      ? ''
      : `for f in ${paths.join(' ')}; do v=; read v 2>&- <$f; echo "$f:$v"; done\n`,
    `echo ${END}\n`,
  ].join('')
}

/** A shell in a namespace, kept for many dumps. It ends with this process. */
export class NetnsShell {
  readonly #child: ChildProcessWithoutNullStreams
  #stdout = ''
  #stderr = ''
  #ready: (() => void) | null = null

  constructor(private readonly netnsPath: string) {
    this.#child = spawn('setpriv', [...ENDS_WITH_US, 'nsenter', `--net=${netnsPath}`, 'sh'])
    this.#child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      this.#stdout += chunk
      this.#ready?.()
    })
    this.#child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      this.#stderr += chunk
    })
    this.#child.on('close', () => this.#ready?.())
  }

  async #run(text: string): Promise<string> {
    this.#stdout = ''
    this.#child.stdin.write(text)
    const end = `${END}\n`
    while (!this.#stdout.endsWith(end) && this.#child.exitCode === null) {
      await new Promise<void>((resolve) => {
        this.#ready = resolve
      })
    }
    if (this.#stderr !== '') throw new Error(`dump of ${this.netnsPath}: ${this.#stderr}`)
    return this.#stdout.slice(0, -end.length)
  }

  async dump(
    sysctlsOf: string | null = null,
    filtersOf: readonly string[] = [],
  ): Promise<NetnsDump> {
    const [tables = '', sysctls = ''] = (await this.#run(script(sysctlsOf, filtersOf))).split('@\n')
    const rows = tables
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => steady(JSON.parse(line)) as Row[])
    const [links = [], addresses = [], routes = [], ...rest] = rows
    const [permanent = [], proxied = [], rules = [], qdiscs = []] = rest
    return {
      ...{ links, addresses, routes, neighbours: [permanent, proxied], rules, qdiscs },
      filters: rows.slice(COMMANDS.length + 1),
      sysctls: sysctls.trim().split('\n'),
    }
  }

  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.stdin.end()
    await gone
  }
}

/** The enforcer's devices get new ones each time they are made. */
export function withoutMacs({ links, addresses, ...rest }: NetnsDump): NetnsDump {
  const anonymous = ({ address: _, ...row }: Row): Row => row
  return { links: links.map(anonymous), addresses: addresses.map(anonymous), ...rest }
}

/** An interception gives eth0 another index, which its peer on the host tells as well. */
export function withoutIndex(
  { links, addresses, ...rest }: NetnsDump,
  ifindex: unknown,
): NetnsDump {
  const anonymous = (row: Row): Row => ({
    ...row,
    ...(row.ifindex === ifindex ? { ifindex: 'eth0' } : {}),
    ...(row.link_index === ifindex ? { link_index: 'eth0' } : {}),
  })
  return { links: links.map(anonymous), addresses: addresses.map(anonymous), ...rest }
}
