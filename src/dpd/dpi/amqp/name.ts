/** Short strings (AMQP 0-9-1 §4.2.5.3): names of exchanges, queues, hosts, and routing keys. */
import type { Reader } from '../../../core/bytes.js'
import { utf8Text } from '../utf8.js'

/** null = octets that are no UTF-8: servers take them, but no rule can name them. */
export const readName = (reader: Reader): string | null => utf8Text(reader.octets(reader.u8()))
