import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import * as errors from '../../src/core/cni/error.js'
import { parseNetworkConfig } from '../../src/core/cni/network-config.js'
import { SUPPORTED_VERSIONS } from '../../src/core/cni/version.js'
import { root } from '../root.js'

const reference = readFileSync(join(root, 'docs', 'reference.md'), 'utf8')

t.test(
  'the conflist entry of the reference is accepted, and its defaults are the real ones',
  async (t) => {
    const entry = JSON.parse(/```json\n(\{.*\})\n```/.exec(reference)?.[1] ?? '')
    const conf = { cniVersion: '1.0.0', name: 'pods', prevResult: { ips: [] } }
    t.same(
      parseNetworkConfig('ADD', { ...conf, ...entry }),
      parseNetworkConfig('ADD', { ...conf, type: 'vethwall' }),
    )
  },
)

t.test('every code that the plugin can answer with is explained', async (t) => {
  const codes = [...reference.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code))
  for (const [name, code] of Object.entries(errors)) {
    if (typeof code === 'number') t.ok(codes.includes(code), name)
  }
})

t.test('versions', async (t) => {
  for (const version of SUPPORTED_VERSIONS) t.match(reference, version)
})
