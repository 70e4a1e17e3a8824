import t from 'tap'
import { formatPairs, formatTable } from '../../src/dpctl/table.js'

t.test('columns as wide as their widest cell', async (t) => {
  t.equal(
    formatTable(
      ['A', 'LONG'],
      [
        ['1', '2'],
        ['333', ''],
      ],
    ),
    'A    LONG\n1    2\n333\n',
  )
})

t.test('control characters are shown as ?', async (t) => {
  t.equal(formatPairs([['name', 'a\u001b[2Jb\n']]), 'name: a?[2Jb?\n')
})
