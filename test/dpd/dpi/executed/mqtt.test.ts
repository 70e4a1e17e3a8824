/** What a real mosquitto executes is told: a seeded sample, a hundred times longer with SOAK=1. */
import t from 'tap'
import { Random } from '../../../fuzz/random.js'
import { MosquittoServer } from './mosquitto-server.js'
import { readOctets, untold } from './mqtt-executed.js'
import { MqttOctets } from './mqtt-octets.js'

const CASES = process.env.SOAK === '1' ? 100_000 : 1_000

t.test('MQTT', { timeout: 3_600_000 }, async (t) => {
  const server = await MosquittoServer.start(t.testdir())
  t.teardown(() => server.stop())
  let executed = 0
  for (let seed = 0; seed < CASES; seed++) {
    const octets = new MqttOctets(new Random(seed)).octets()
    const did = await server.executed(octets)
    const missing = untold(did, readOctets(octets))
    if (missing !== '') t.equal(missing, '', `seed ${seed}: ${JSON.stringify(octets)}`)
    if (did.length > 1) executed++
  }
  t.ok(executed > CASES / 5, `${executed} of ${CASES} executed`)
})
