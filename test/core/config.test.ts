import t from 'tap'
import { defaultConfig, readConfig } from '../../src/core/config.js'

function errors(text: string): string[] {
  const reading = readConfig({ path: 'dpd.yaml', text }, 'vethwall')
  return reading.ok ? [] : reading.errors.map((e) => `${e.line}:${e.column} ${e.message}`)
}

t.test('defaults', async (t) => {
  t.match(defaultConfig('vethwall'), {
    policyDir: '/etc/vethwall/policy.d',
    endpointsDir: '/etc/vethwall/endpoints.d',
    defaults: { mode: 'discover' },
    nodeTraffic: 'allow',
    driver: 'auto',
    runningPods: { adopt: 'never', cacheDirs: ['/var/lib/cni/results'] },
    ...{ dhcpServers: [], spoofing: { allow: [] } },
    events: { file: null, rotateOctets: 64 * 1024 * 1024, keep: 5 },
  })
  t.equal(defaultConfig('other').policyDir, '/etc/other/policy.d', 'instances share nothing')
  t.same(readConfig({ path: 'dpd.yaml', text: '# nothing\n' }, 'a'), {
    ok: true,
    value: defaultConfig('a'),
  })
})

t.test('what is set is set', async (t) => {
  const text = `policyDir: /p
defaults: { mode: protect, failure: open }
nodeAddresses: [192.0.2.1, "2001:db8::1"]
metrics: { listen: "[::1]:9464" }
inspection: { content: ["default/web-*"] }
events: { file: /var/log/eve.json, perSecond: 10 }
dhcpServers: [192.0.2.1, "fe80::1"]
spoofing: { allow: ["default/vpn-*"] }
`
  const reading = readConfig({ path: 'dpd.yaml', text }, 'vethwall')
  t.match(reading, {
    ok: true,
    value: {
      policyDir: '/p',
      defaults: { mode: 'protect', failure: 'open' },
      metrics: { listen: { host: '::1', port: 9464 } },
      events: { perSecond: 10, keep: 5 },
      ...{ dhcpServers: ['192.0.2.1', 'fe80::1'], spoofing: { allow: ['default/vpn-*'] } },
    },
  })
})

t.test('faults name line and column', async (t) => {
  t.same(errors('policyDir: /p\npolicyDirs: /q\n'), [
    '2:1 policyDirs: unknown key: correct its spelling or remove it',
  ])
  t.match(errors('dhcpServers: [relay.example]\n'), [/dhcpServers\[0\]: write an IP address/])
  t.match(errors('spoofing: { allow: [vpn] }\n'), [/write namespace\/pod/])
  t.match(errors('defaults:\n  mode: protct\n'), [
    /^2:3 defaults\.mode: use discover, monitor, protect/,
  ])
  t.match(errors('metrics: { listen: "0.0.0.0:9464" }'), [
    /^1:12 metrics\.listen: write a loopback/,
  ])
  t.match(errors('metrics: { listen: "127.0.0.1:99999" }'), [/loopback/])
  t.match(errors('nodeAddresses: [10.0.0.256]'), [/^1:17 nodeAddresses\[0\]: write an IP address/])
  t.match(errors('policyDir: policy.d'), [/absolute path/])
  for (const shards of ['0', '65', '1.5', 'auto'])
    t.match(errors(`inspection: { shards: ${shards} }`), [/^1:15 inspection\.shards: /], shards)
  for (const depth of ['-1', '9', 'all'])
    t.match(errors(`inspection: { tunnelDepth: ${depth} }`), [/inspection\.tunnelDepth: /], depth)
  t.match(errors('inspection: { vxlanPorts: [0] }'), [/inspection\.vxlanPorts\[0\]: /])
  t.match(errors('a: [\n'), [/YAML/])
  t.match(errors('log: {}\n---\nlog: {}\n'), [/second YAML document/])
})
