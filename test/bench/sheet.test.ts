import t from 'tap'
import { Sheet } from '../../bench/sheet.js'

const HEAD = { workload: 'w', name: 'a row', unit: 's', better: 'less', base: null } as const

t.test('samples keep the order of rounds, a failure leaves a gap and is told', async (t) => {
  const sheet = new Sheet()
  const row = sheet.open(HEAD)
  await sheet.sample(row, 10, async () => 1)
  await sheet.sample(row, 10, () => Promise.reject(new Error('half of them arrived')))
  await sheet.sample(row, 10, async () => 3)
  await sheet.sample(row, 'other', async () => 4)
  t.same(sheet.rows, [{ ...HEAD, series: { 10: [1, null, 3], other: [4] } }])
  t.same(sheet.failures, [{ workload: 'w', series: '10', error: 'Error: half of them arrived' }])
})

t.test('what is interrupted keeps what was sampled before', async (t) => {
  const sheet = new Sheet()
  const row = sheet.open(HEAD)
  await sheet.sample(row, 10, async () => 1)
  const ended = sheet.sample(row, 10, async () => {
    sheet.interrupt()
    throw new Error('its server was ended along')
  })
  await t.rejects(ended, { name: 'Interrupted' })
  t.throws(() => sheet.put(row, 10, 2), { name: 'Interrupted' })
  t.same(sheet.rows, [{ ...HEAD, series: { 10: [1] } }])
})
