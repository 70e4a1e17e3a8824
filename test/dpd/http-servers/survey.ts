/** Many seeded cases against one server: what it handled and the parser had not announced. */
import { fromLatin1 } from '../../../src/core/bytes.js'
import { Random } from '../../fuzz/random.js'
import { evasionOf } from './comparison.js'
import { type Exchange, Exchanging } from './exchange.js'
import { http1Octets } from './http1-octets.js'
import { http2Octets, upgradedOctets } from './http2-octets.js'
import { clientAddress, type HttpServer } from './server.js'

export const KINDS = {
  http1: http1Octets,
  http2: http2Octets,
  upgraded: upgradedOctets,
} as const satisfies Readonly<Record<string, (random: Random) => string>>
export type Kind = keyof typeof KINDS

const AT_A_TIME = 24
/** Cases of one seed are apart from those of the next. */
const SEEDS_APART = 1_000_003

export interface Finding {
  readonly number: number
  readonly what: string
  readonly octets: string
  readonly exchange: Exchange
}

export interface Survey {
  readonly handled: number
  readonly findings: readonly Finding[]
}

/** The server ends with it. */
export async function survey(
  server: HttpServer,
  kind: Kind,
  seed: number,
  cases: number,
): Promise<Survey> {
  const { address, ports } = server
  const port = kind === 'http2' ? (ports.http2 ?? ports.http1) : ports.http1
  const sent: { octets: string; exchange: Exchange }[] = []
  let next = 0
  const worker = async () => {
    for (let i = next++; i < cases; i = next++) {
      const octets = KINDS[kind](new Random(seed * SEEDS_APART + i))
      const exchanging = new Exchanging(fromLatin1(octets), address, port, clientAddress(i))
      sent[i] = { octets, exchange: await exchanging.run() }
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, worker))
  const handled = await server.stop()
  const findings = sent.flatMap(({ octets, exchange }, number) => {
    const requests = handled.get(clientAddress(number)) ?? []
    const what =
      evasionOf(exchange, requests, kind === 'http1' ? 'wire' : 'any') ?? refusedReply(exchange)
    return what === null ? [] : [{ number, what, octets, exchange }]
  })
  const total = [...handled.values()].reduce((sum, { length }) => sum + length, 0)
  return { handled: total, findings }
}

/** No server here errs in what it sends; `Get /x HTTPS/1.1` is no request of theirs, and a command of Redis. */
const refusedReply = ({ app, blamed, clause }: Exchange): string | null =>
  blamed === 'reply' && app !== 'redis' ? `its reply is malformed: ${clause}` : null
