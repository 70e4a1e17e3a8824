/** What the benchmark tells dpd can be read, and selects the pods that it means. */
import t from 'tap'
import { dpdConfigOf, endpointsOf, isJudged, PATH_NAMES, policyOf } from '../../bench/paths.js'
import { readConfig } from '../../src/core/config.js'
import { loadEndpointsDirectory } from '../../src/core/policy/endpoints-directory.js'
import { loadPolicySet } from '../../src/core/policy/load.js'

t.test('a policy for each judged path, of the mode that its name says', async (t) => {
  const judged = PATH_NAMES.filter(isJudged)
  const files = judged.map((path) => ({ path: `${path}.yaml`, text: policyOf(path) }))
  const load = loadPolicySet(files)
  if (!load.ok) throw new Error(JSON.stringify(load.errors))
  t.same(
    Object.fromEntries(load.set.policies.map(({ name, mode }) => [name, mode])),
    Object.fromEntries(
      judged.map((path) => [path, path.startsWith('tap') ? 'monitor' : 'protect']),
    ),
  )
})

t.test('each server has the label that its policy selects', async (t) => {
  const load = loadEndpointsDirectory([{ path: 'bench.yaml', text: endpointsOf(PATH_NAMES) }])
  t.match(load, {
    ok: true,
    directory: { pods: PATH_NAMES.map((path) => ({ name: path, labels: { path } })) },
  })
})

t.test('the paths of that name, and no others, have all of their octets read', async (t) => {
  const config = readConfig({ path: 'dpd.yaml', text: dpdConfigOf(PATH_NAMES) }, 'bench')
  if (!config.ok) throw new Error(JSON.stringify(config.errors))
  t.same(config.value.inspection.content, [
    'default/tap-content',
    'default/inline-content',
    'default/nfqueue-content',
  ])
})
