import t from 'tap'
import { NodeAddresses } from '../../src/dpd/node-addresses.js'

t.test('an interface that comes after the start', async (t) => {
  let host = ['127.0.0.1']
  const node = new NodeAddresses(null, () => host)
  t.same(node.current, ['127.0.0.1'])
  t.equal(node.refresh(), false)
  host = ['127.0.0.1', '10.0.0.1']
  t.equal(node.refresh(), true)
  t.same(node.current, ['10.0.0.1', '127.0.0.1'])
})

t.test('configured ones stay', async (t) => {
  const node = new NodeAddresses(['192.0.2.1'], () => ['127.0.0.1'])
  t.equal(node.refresh(), false)
  t.same(node.current, ['192.0.2.1'])
})
