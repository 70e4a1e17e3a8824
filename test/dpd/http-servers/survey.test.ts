/** HTTP as servers see it: no request is handled that was not announced as what it is. */
import t from 'tap'
import { startNginx } from './nginx.js'
import { startNodeServer } from './node-server.js'
import { type Kind, survey } from './survey.js'

const isSoak = process.env.SOAK === '1'
const SEED = 20_261_127
const SERVERS = { node: startNodeServer, nginx: startNginx } as const
/** A share of these is malformed, and no server gets any of it. */
const CASES: readonly (readonly [server: keyof typeof SERVERS, kind: Kind, cases: number])[] = [
  ['node', 'http1', 600],
  ['nginx', 'http1', 600],
  ['node', 'http2', 100],
  ['nginx', 'http2', 400],
  ['nginx', 'upgraded', 100],
]

for (const [name, kind, few] of CASES) {
  t.test(`${name}, ${kind}`, async (t) => {
    const cases = isSoak ? 50 * few : few
    const { handled, findings } = await survey(await SERVERS[name](), kind, SEED, cases)
    t.comment(`${cases} cases, ${handled} requests handled`)
    t.ok(handled > cases / 4, 'the server takes many of them')
    t.same(
      findings.map(({ number, what, octets }) => ({ number, what, octets })),
      [],
    )
  })
}
