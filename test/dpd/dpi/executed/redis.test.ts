/** What a real redis-server executes, and the keys it says, are told: a seeded sample, a hundred times longer with SOAK=1. */
import t from 'tap'
import { Random } from '../../../fuzz/random.js'
import { socketDir } from '../../../socket-dir.js'
import { readOctets, untoldCommand } from './redis-executed.js'
import { array, RedisOctets } from './redis-octets.js'
import { RedisServer } from './redis-server.js'

const CASES = process.env.SOAK === '1' ? 30_000 : 300

t.test('Redis', { timeout: 3_600_000 }, async (t) => {
  const server = await RedisServer.start(socketDir(t))
  t.teardown(() => server.stop())
  const counts = { executed: 0, withKeys: 0 }
  for (let seed = 0; seed < CASES; seed++) {
    const random = new RedisOctets(new Random(seed))
    const args = random.args()
    const keys = await server.keysOf(args)
    const [told] = readOctets(array(args)).told
    if (keys !== null) {
      counts.withKeys++
      const missing = told?.keys === null ? [] : keys.filter((key) => !told?.keys?.includes(key))
      if (missing.length > 0) t.same(missing, [], `seed ${seed}: keys of ${JSON.stringify(args)}`)
    }
    const octets = random.octets()
    const did = await server.executed(octets)
    const untold = await untoldCommand(server, did, readOctets(octets))
    if (untold !== '') t.equal(untold, '', `seed ${seed}: ${JSON.stringify(octets)}`)
    if (did.length > 0) counts.executed++
  }
  t.ok(counts.executed > CASES / 3, `${counts.executed} of ${CASES} executed`)
  t.ok(counts.withKeys > CASES / 4, `${counts.withKeys} with keys`)
})
