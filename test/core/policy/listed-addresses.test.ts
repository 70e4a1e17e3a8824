import t from 'tap'
import { ListedAddresses } from '../../../src/core/policy/listed-addresses.js'

t.test('by name and by glob, in the namespace only', async (t) => {
  const entry = (namespace: string, name: string, ...addresses: string[]) => ({
    ...{ namespace, name, labels: {}, addresses },
  })
  const listed = new ListedAddresses({
    namespaces: [],
    pods: [
      ...[entry('a', 'web-1', '10.0.0.1'), entry('a', 'web-1', '10.0.0.2')],
      ...[entry('a', 'web-*', '10.0.0.3'), entry('b', 'web-1', '10.0.0.4'), entry('a', 'web-2')],
    ],
  })
  t.same(listed.of('a', 'web-1'), ['10.0.0.1', '10.0.0.2', '10.0.0.3'])
  t.same(listed.of('a', 'web-2'), ['10.0.0.3'])
  t.same(listed.of('c', 'web-1'), [])
})
