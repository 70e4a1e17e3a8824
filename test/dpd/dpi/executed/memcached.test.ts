/** What a real memcached executes, over TCP and UDP, is told: a seeded sample, a hundred times longer with SOAK=1. */
import t from 'tap'
import { Random } from '../../../fuzz/random.js'
import { socketDir } from '../../../socket-dir.js'
import { answerClause, readOctets, untold, untoldDatagrams } from './memcached-executed.js'
import { MemcachedOctets } from './memcached-octets.js'
import { MemcachedServer } from './memcached-server.js'

const CASES = process.env.SOAK === '1' ? 100_000 : 1_000

t.test('over TCP', { timeout: 3_600_000 }, async (t) => {
  const server = await MemcachedServer.start(socketDir(t))
  t.teardown(() => server.stop())
  let executed = 0
  for (let seed = 0; seed < CASES; seed++) {
    const octets = new MemcachedOctets(new Random(seed)).octets()
    const did = await server.executed(octets)
    const missing = untold(octets, did, readOctets(octets))
    if (missing !== '') t.equal(missing, '', `seed ${seed}: ${JSON.stringify(octets)}`)
    const clause = answerClause(octets, server.answer)
    if (clause !== '') t.equal(clause, '', `seed ${seed}: answers to ${JSON.stringify(octets)}`)
    if (did.some(({ keys }) => keys.length > 0)) executed++
  }
  t.ok(executed > CASES / 3, `${executed} of ${CASES} executed`)
})

t.test('over UDP', { timeout: 3_600_000 }, async (t) => {
  const server = await MemcachedServer.startUdp()
  t.teardown(() => server.stop())
  let executed = 0
  for (let seed = 0; seed < CASES / 4; seed++) {
    const datagrams = new MemcachedOctets(new Random(seed), true).datagrams()
    const { missing, did } = await untoldDatagrams(server, datagrams)
    if (missing !== '') t.equal(missing, '', `seed ${seed}: ${JSON.stringify(datagrams)}`)
    if (did.some(({ keys }) => keys.length > 0)) executed++
  }
  t.ok(executed > CASES / 40, `${executed} of ${CASES / 4} executed`)
})
