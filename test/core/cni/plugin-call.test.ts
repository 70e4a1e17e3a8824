import t from 'tap'
import { parseArgs, parseEnvironment } from '../../../src/core/cni/environment.js'
import { CniError, errorObject } from '../../../src/core/cni/error.js'
import {
  decodeStdin,
  parseNetworkConfig,
  resultText,
} from '../../../src/core/cni/network-config.js'
import { SUPPORTED_VERSIONS, versionResult } from '../../../src/core/cni/version.js'

const env = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'abc-1',
  CNI_NETNS: '/run/netns/x',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin',
}
const prevResult = { cniVersion: '1.0.0', ips: [{ address: '10.0.0.2/24', extra: 1 }], zeta: 1 }
const conf = { cniVersion: '1.0.0', name: 'pods', type: 'vethwall', prevResult }

function refusal(call: () => unknown): CniError {
  try {
    call()
  } catch (error) {
    if (error instanceof CniError) return error
    throw error
  }
  throw new Error('not refused')
}

t.test('environment', async (t) => {
  t.match(parseEnvironment({ ...env, CNI_ARGS: 'K8S_POD_NAME=a;X=b=c' }), {
    verb: 'ADD',
    containerID: 'abc-1',
    args: new Map([
      ['K8S_POD_NAME', 'a'],
      ['X', 'b=c'],
    ]),
  })
  t.equal(parseEnvironment({ ...env, CNI_COMMAND: 'DEL', CNI_NETNS: '' }).netns, '')
  t.equal(parseEnvironment({ CNI_COMMAND: 'VERSION', CNI_NETNS: 'dummy' }).verb, 'VERSION')
  t.equal(parseArgs(';=x;a').size, 0)
  for (const [text, isOwn] of [
    ['1', true],
    ['True', true],
    ['0', false],
    ['yes', false],
  ] as const) {
    t.equal(parseEnvironment({ ...env, CNI_NETNS_OVERRIDE: text }).netnsMayBeOwn, isOwn, text)
  }
  const longest = 'a'.repeat(226)
  t.equal(`vethwall vin ${longest} abcdefghijklmno`.length, 255, 'fills an alias')
  t.equal(parseEnvironment({ ...env, CNI_CONTAINERID: longest }).containerID, longest)
  const longer = `${longest}a`
  t.equal(
    parseEnvironment({ ...env, CNI_COMMAND: 'DEL', CNI_CONTAINERID: longer }).containerID,
    longer,
    'DEL takes what ADD refuses',
  )
  const bad = [
    { name: 'unknown verb', set: { CNI_COMMAND: 'ERASE' }, says: /CNI_COMMAND "ERASE"/ },
    { name: 'no id', set: { CNI_CONTAINERID: '' }, says: /needs CNI_CONTAINERID/ },
    {
      name: 'every missing name',
      set: { CNI_NETNS: '', CNI_IFNAME: '' },
      says: /CNI_NETNS, CNI_IFNAME/,
    },
    { name: 'path in id', set: { CNI_CONTAINERID: '../x' }, says: /CNI_CONTAINERID/ },
    { name: 'long id', set: { CNI_CONTAINERID: longer }, says: /CNI_CONTAINERID.*226 octets/ },
    { name: 'relative netns', set: { CNI_NETNS: 'run/x' }, says: /CNI_NETNS.*absolute/ },
    { name: 'long ifname', set: { CNI_IFNAME: 'abcdefghijklmnop' }, says: /longer than 15/ },
    { name: 'slash in ifname', set: { CNI_IFNAME: 'a/b' }, says: /CNI_IFNAME/ },
    { name: 'dots', set: { CNI_IFNAME: '..' }, says: /CNI_IFNAME/ },
  ]
  for (const c of bad) {
    const error = refusal(() => parseEnvironment({ ...env, ...c.set }))
    t.equal(error.code, 4, c.name)
    t.match(error.message, c.says, c.name)
  }
})

t.test('configuration', async (t) => {
  t.match(parseNetworkConfig('ADD', conf), {
    instance: 'vethwall',
    failure: 'open',
    driver: 'auto',
  })
  t.equal(parseNetworkConfig('DEL', { ...conf, prevResult: 'junk' }).prevResult, null)
  const bad = [
    {
      name: 'version first',
      verb: 'ADD',
      conf: { ...conf, cniVersion: '0.2.0', name: '' },
      code: 1,
    },
    { name: 'no version', verb: 'ADD', conf: { ...conf, cniVersion: undefined }, code: 1 },
    {
      name: 'version later than ours',
      verb: 'ADD',
      conf: { ...conf, cniVersion: '2.0.0' },
      code: 1,
    },
    { name: 'CHECK before 0.4.0', verb: 'CHECK', conf: { ...conf, cniVersion: '0.3.1' }, code: 1 },
    { name: 'no name', verb: 'ADD', conf: { ...conf, name: undefined }, code: 7 },
    { name: 'bad failure', verb: 'ADD', conf: { ...conf, failure: 'maybe' }, code: 7 },
    { name: 'bad instance', verb: 'ADD', conf: { ...conf, instance: '../x' }, code: 7 },
    { name: 'no prevResult', verb: 'ADD', conf: { ...conf, prevResult: undefined }, code: 7 },
    { name: 'junk prevResult', verb: 'ADD', conf: { ...conf, prevResult: { ips: 3 } }, code: 7 },
  ] as const
  for (const c of bad)
    t.equal(refusal(() => parseNetworkConfig(c.verb, c.conf)).code, c.code, c.name)
  for (const text of ['', 'x', '[]', '{"a":1}{}', 'null']) {
    t.equal(refusal(() => decodeStdin(text)).code, 6, JSON.stringify(text))
  }
})

t.test('result', async (t) => {
  const result = (prevText: string, cniVersion = '1.0.0') => {
    const stdin = `{"cniVersion":"${cniVersion}","name":"pods","prevResult": ${prevText} ,"type":"x"}`
    return resultText(stdin, parseNetworkConfig('ADD', decodeStdin(stdin)))
  }
  const odd = String.raw`{ "zeta":[1.0, 1e3, 12345678901234567890],"2":{"cniVersion":"x"},"1":"\u00e9\"}",
    "ips":[],"cniVersion":"1.0.0","interfaces":null }`
  t.equal(result(odd), odd, 'octet for octet: order, numbers, escapes, white space')
  t.equal(
    result(odd, '1.1.0'),
    odd.replace('"1.0.0"', '"1.1.0"'),
    "the version is the configuration's",
  )
  t.equal(result('{"ips":[]}', '0.4.0'), '{"cniVersion":"0.4.0","ips":[]}')
  t.equal(result('{ }'), '{"cniVersion":"1.0.0" }')
  const twice = '{"cniVersion":"0.4.0","cniVersion":"1.0.0"}'
  t.equal(result(twice), twice, 'of two the last counts, as for every reader')
  t.match(JSON.parse(versionResult('1.1.0')), {
    cniVersion: '1.1.0',
    supportedVersions: SUPPORTED_VERSIONS,
  })
  const error = new CniError(7, 'bad', 'why')
  t.equal(
    errorObject(error, '0.4.0'),
    '{"cniVersion":"0.4.0","code":7,"msg":"bad","details":"why"}',
  )
})
