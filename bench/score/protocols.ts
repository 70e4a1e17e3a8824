/** What a label means: which app a parser must name, and what is asked of it. */
import { registry } from '../../src/dpd/dpi/registry.js'

export interface Protocol {
  /** As the registry's parsers call it; of a protocol without a parser, as it is labelled. */
  readonly app: string
  /** What the flow's `version` begins with, where the flow has that field. */
  readonly version?: string
}

/** Other names for what a parser names; they are compared in lower case without `-`, `_`, `.`, `/` and spaces. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  tls: [
    'ssl',
    'https',
    'tls10',
    'tls11',
    'tls12',
    'tls13',
    'tlsv1',
    'tlsv10',
    'tlsv11',
    'tlsv12',
    'tlsv13',
    'sslv3',
    'wss',
    'mqtts',
    'amqps',
    'smtps',
    'imaps',
    'pop3s',
    'dot',
    'doh',
  ],
  http: ['http1', 'http10', 'http11', 'httpproxy', 'websocket', 'websockets', 'ws'],
  quic: ['http3', 'h3', 'doq', 'quicv1', 'quicv2', 'ietfquic'],
  dns: ['mdns', 'llmnr', 'dnstcp', 'dnsudp'],
  postgresql: ['postgres', 'pgsql', 'postgre', 'pg', 'psql'],
  mysql: ['mariadb'],
  mongodb: ['mongo'],
  redis: ['resp', 'valkey', 'keydb'],
  memcached: ['memcache', 'memcachedtext', 'memcachedbinary'],
  kafka: ['apachekafka'],
  amqp: ['rabbitmq', 'amqp091'],
  mqtt: ['mqtt3', 'mqtt311', 'mqtt5', 'mqttv3', 'mqttv311', 'mqttv5', 'mosquitto'],
  ssh: ['ssh2', 'sshv2', 'openssh', 'sftp', 'scp'],
  smtp: ['esmtp', 'submission', 'lmtp'],
  dhcp: ['dhcpv4', 'bootp', 'dhcpv6', 'dhcp6'],
  ntp: ['sntp', 'ntpv3', 'ntpv4'],
}
const HTTP2: readonly string[] = ['http2', 'http20', 'httpv2', 'h2', 'h2c', 'grpc']

const BY_ALIAS: ReadonlyMap<string, string> = new Map(
  Object.entries(ALIASES).flatMap(([app, names]) => names.map((name) => [name, app] as const)),
)
const PARSED: ReadonlySet<string> = new Set(registry.map(({ app }) => app))

export function protocolOf(label: string): Protocol {
  const whole = known(label)
  if (whole !== null) return whole
  // `SSL/TLS`, `TLS.Service`, `mysql (MariaDB)`.
  const [part] = label.split(/[^A-Za-z0-9_-]+/).flatMap((text) => known(text) ?? [])
  return part ?? { app: plainOf(label) }
}

const plainOf = (label: string): string => label.toLowerCase().replace(/[-_./ ]/g, '')

function known(label: string): Protocol | null {
  const plain = plainOf(label)
  if (HTTP2.includes(plain)) return { app: 'http', version: '2' }
  const app = PARSED.has(plain) ? plain : BY_ALIAS.get(plain)
  return app === undefined ? null : { app }
}

export const hasParser = ({ app }: Protocol): boolean => PARSED.has(app)

/**
 * Traffic that goes along with any other. By port, since that is how a reader of the capture would say
 * it: what the parsers say of such a flow is what is in question.
 */
const ALONG: ReadonlyMap<number, string> = new Map([
  [53, 'dns'],
  [5353, 'dns'],
  [5355, 'dns'],
  [67, 'dhcp'],
  [68, 'dhcp'],
  [546, 'dhcp'],
  [547, 'dhcp'],
  [123, 'ntp'],
  [137, 'netbios'],
  [138, 'netbios'],
  [1900, 'ssdp'],
  [3702, 'wsdiscovery'],
])

/** Whether a flow on these ports is none of what its whole file is labelled as. */
export function goesAlong(protocol: Protocol, ports: readonly number[]): boolean {
  return ports.some((port) => (ALONG.get(port) ?? protocol.app) !== protocol.app)
}

export const FALSE_LABELS_GOAL_PERCENT = 0.1
const FOREMOST: readonly string[] = ['http', 'dns', 'tls', 'quic']

export const recallGoalPercent = (app: string): number => (FOREMOST.includes(app) ? 99 : 95)
