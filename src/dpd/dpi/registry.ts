import type { Parser } from '../../core/inspect/contract.js'
import { amqp } from './amqp/parser.js'
import { dhcp } from './dhcp/parser.js'
import { dnsTcp, dnsUdp } from './dns/parser.js'
import { http } from './http/parser.js'
import { http2 } from './http2/parser.js'
import { kafka } from './kafka/parser.js'
import { memcached } from './memcached/parser.js'
import { memcachedUdp } from './memcached/udp.js'
import { mongodb } from './mongodb/parser.js'
import { mqtt } from './mqtt/parser.js'
import { mysql } from './mysql/parser.js'
import { ntp } from './ntp/parser.js'
import { postgresql } from './postgresql/parser.js'
import { quic } from './quic/parser.js'
import { redis } from './redis/parser.js'
import { smtp } from './smtp/parser.js'
import { ssh } from './ssh/parser.js'
import { tls } from './tls/parser.js'
import { websocket } from './websocket/parser.js'

/** One line per parser; of those that say yes at the same octet the first has the flow. */
export const registry: readonly Parser<unknown>[] = [
  tls,
  http2,
  http,
  mqtt,
  amqp,
  mysql,
  postgresql,
  ssh,
  smtp,
  redis,
  mongodb,
  memcached,
  kafka,
  dnsTcp,
  dhcp,
  quic,
  memcachedUdp,
  dnsUdp,
  ntp,
  websocket,
]
