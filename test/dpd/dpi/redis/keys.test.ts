import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { specOf } from '../../../../src/dpd/dpi/redis/command-table.js'
import { root } from '../../../root.js'

/** What redis-server said, see captures/redis/record.sh. */
const recorded = readFileSync(join(root, 'test/fixtures/dpi/captures/redis/getkeys.txt'), 'utf8')

t.test('keys are those that COMMAND GETKEYS of redis-server says', async (t) => {
  const lines = recorded.trim().split('\n')
  t.ok(lines.length > 40)
  for (const line of lines) {
    const [command = '', keys = ''] = line.split(' => ')
    const args = command.split(' ').filter((word) => word !== '')
    const told = specOf(args[0] ?? '').positions.keys(args) ?? []
    t.same([...told].sort(), keys.split(' ').sort(), command)
  }
})

const keysOf = (...args: string[]) => specOf(args[0] ?? '').positions.keys(args)

t.test('what the server only finds out as it runs', async (t) => {
  t.equal(keysOf('SORT', 'a', 'BY', 'weight_*'), null, 'a pattern touches any key')
  t.equal(keysOf('SORT', 'a', 'GET', '#', 'GET', 'x_*->f'), null)
  t.same(keysOf('SORT', 'a', 'BY', 'nosort', 'GET', '#'), ['a'])
  t.same(keysOf('MIGRATE', 'h', '1', '', '0', '9', 'COPY', 'KEYS', 'a', 'b'), ['a', 'b'])
  t.same(keysOf('MIGRATE', 'h', '1', 'k', '0', '9', 'AUTH2', 'KEYS', 'KEYS'), ['k'])
})

t.test('counts that do not fit the arguments', async (t) => {
  t.equal(keysOf('EVAL', 's', '3', 'a'), null)
  t.equal(keysOf('EVAL', 's', '-1', 'a'), null)
  t.equal(keysOf('EVAL', 's', 'x'), null)
  t.equal(keysOf('EVAL', 's'), null)
  t.equal(keysOf('XREAD', 'STREAMS', 'a', 'b', '0'), null)
  t.equal(keysOf('XREAD', 'COUNT', 'STREAMS'), null)
  t.same(keysOf('GET'), [])
  t.same(keysOf('RENAME', 'a'), ['a'])
})
