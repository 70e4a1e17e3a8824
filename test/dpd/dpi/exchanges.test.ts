import t from 'tap'
import { Exchanges, OPEN_EXCHANGES } from '../../../src/dpd/dpi/exchanges.js'

const message = (key: string) => ({ key, fields: { key } })

t.test('the oldest request is forgotten: its reply was lost', async (t) => {
  const exchanges = new Exchanges()
  for (let i = 0; i < OPEN_EXCHANGES; i++) {
    t.equal(exchanges.take('orig', i, message(`${i}`)).length, 1)
  }
  const facts = exchanges.take('orig', OPEN_EXCHANGES, message('one more'))
  t.match(facts, [
    { kind: 'tx', tx: OPEN_EXCHANGES },
    { kind: 'txEnd', tx: 0 },
  ])
  t.same(exchanges.take('reply', 0, message('0')), [])
  t.match(exchanges.take('reply', 1, message('1')), [{ tx: 1, dir: 'reply' }, { kind: 'txEnd' }])
})

t.test('a request sent again takes the place of the first', async (t) => {
  const exchanges = new Exchanges()
  exchanges.take('orig', 0, message('a'))
  t.match(exchanges.take('orig', 1, message('a')), [{ tx: 1 }, { kind: 'txEnd', tx: 0 }])
  t.match(exchanges.take('reply', 0, message('a')), [{ tx: 1 }, { kind: 'txEnd', tx: 1 }])
  t.same(exchanges.take('reply', 1, null), [], 'malformed replies are nobody’s')
})
