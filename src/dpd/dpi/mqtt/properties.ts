/** Properties of MQTT 5.0 (§2.2.2): one or two are wanted, the others are passed. */
import type { Body } from './packet.js'

export const TOPIC_ALIAS = 0x23
export const ASSIGNED_CLIENT_ID = 0x12

/** Octets of a property's value, where they are fixed (§2.2.2.2). */
const FIXED: Readonly<Record<number, number>> = {
  ...{ 1: 1, 2: 4, 17: 4, 19: 2, 23: 1, 24: 4, 25: 1, 33: 2, 34: 2 },
  ...{ 35: 2, 36: 1, 37: 1, 39: 4, 40: 1, 41: 1, 42: 1 },
}
const COUNTED: ReadonlySet<number> = new Set([
  ...[0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1a, 0x1c, 0x1f],
])
const SUBSCRIPTION_ID = 0x0b
const USER_PROPERTY = 0x26

export interface Properties {
  /** 0 = none. */
  readonly topicAlias: number
  readonly assignedClientId: string | null
}

export function readProperties(body: Body): Properties {
  const { reader } = body
  const length = body.variable()
  const end = reader.at + length
  let topicAlias = 0
  let assignedClientId: string | null = null
  while (!reader.short && body.clause === null && reader.at < end) {
    const id = reader.u8()
    if (id === TOPIC_ALIAS) {
      const alias = reader.u16be()
      if (!reader.short) body.clause ??= malformedAlias(topicAlias, alias)
      topicAlias = alias
    } else if (id === ASSIGNED_CLIENT_ID) assignedClientId = body.text()
    else passValue(body, id)
  }
  if (!reader.short && reader.at !== end) body.clause ??= 'MQTT 5.0 §2.2.2.1 property length'
  return { topicAlias, assignedClientId }
}

function malformedAlias(before: number, alias: number): string | null {
  if (before !== 0) return 'MQTT 5.0 §3.3.2.3.4 two topic aliases'
  return alias === 0 ? 'MQTT 5.0 §3.3.2.3.4 topic alias 0' : null
}

function passValue(body: Body, id: number): void {
  const fixed = FIXED[id]
  if (fixed !== undefined) body.reader.skip(fixed)
  else if (COUNTED.has(id)) body.skipBinary()
  else if (id === SUBSCRIPTION_ID) body.variable()
  else if (id === USER_PROPERTY) {
    body.skipBinary()
    body.skipBinary()
  } else if (!body.short) body.clause ??= 'MQTT 5.0 §2.2.2.2 property'
}
