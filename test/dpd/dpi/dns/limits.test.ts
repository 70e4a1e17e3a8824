import t from 'tap'
import { deliver } from '../deliver.js'
import type { Send } from '../send.js'

/** `a` A IN, so many times (RFC 1035 §4.1). */
function query(id: number, questions = 1): Uint8Array {
  const header = [id >> 8, id & 255, 1, 0, 0, questions, 0, 0, 0, 0, 0, 0]
  const asked = Array.from({ length: questions }, () => [1, 0x61, 0, 0, 1, 0, 1])
  return Uint8Array.from([...header, ...asked.flat()])
}
const orig = (octets: Uint8Array): Send => ({ dir: 'orig', octets, ended: false })

t.test('of unanswered queries the oldest ends when there are more than 64', async (t) => {
  const sends = Array.from({ length: 66 }, (_, id) => orig(query(id)))
  const ends = deliver(sends, 'udp').facts.filter(({ fact }) => fact.kind === 'txEnd')
  t.match(ends, [{ fact: { tx: 0, end: 64 } }, { fact: { tx: 1, end: 65 } }])
  t.equal(ends.length, 2)
})

t.test('a message with more questions than are read has no reading', async (t) => {
  const fieldsOf = (questions: number) => {
    const [, second] = deliver([orig(query(1)), orig(query(2, questions))], 'udp').facts
    return second?.fact.kind === 'tx' ? second.fact.fields : null
  }
  t.match(fieldsOf(4), { names: ['a', 'a', 'a', 'a'], malformed: undefined })
  t.match(fieldsOf(5), { names: [], malformed: true })
})
