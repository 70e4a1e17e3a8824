import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  CAUSE_NAMES,
  decodeEndpoint,
  decodeKey,
  decodeRefused,
  type EndpointEntry,
  encodeDevice,
  encodeEndpoint,
  encodeKey,
  HEARTBEAT_SLOTS,
  NO_ENDPOINT,
  NO_REFUSED,
  sumPerCpu,
} from '../../../src/core/bpf/maps.js'
import { MAPS } from '../../../src/intercept/bpf/program.generated.js'
import { root } from '../../root.js'

const ENTRY: EndpointEntry = {
  path: 'inline',
  failure: 'closed',
  strict: true,
  peer: false,
  hairpin: false,
  heartbeatSlot: 2,
  vinIfindex: 7,
  vexIfindex: 10_104_660,
  mac: '02:00:00:00:07:01',
  epoch: 0x01020304,
}

t.test('struct endpoint', (t) => {
  t.equal(
    Buffer.from(encodeEndpoint(ENTRY)).toString('hex'),
    ['03', '01', '01', '02', '07000000', '542f9a00', '020000000701', '0000', '04030201'].join(''),
    'path, failure, flags, slot, vin, vex, mac, reserved, epoch',
  )
  for (const path of ['direct', 'tap', 'inline', 'quarantine'] as const) {
    for (const failure of ['open', 'closed'] as const) {
      const entry = { ...ENTRY, path, failure, peer: true }
      t.same(decodeEndpoint(encodeEndpoint(entry)), entry, `${path}, ${failure}`)
    }
  }
  const hairpin = { ...ENTRY, hairpin: true }
  t.equal(encodeEndpoint(hairpin)[2], 5, 'strict, hairpin')
  t.same(decodeEndpoint(encodeEndpoint(hairpin)), hairpin)
  t.equal(decodeEndpoint(NO_ENDPOINT), null)
  t.end()
})

t.test('struct device and keys', (t) => {
  t.same([...encodeDevice(0x1234, 'vin')], [0x34, 0x12, 1, 0])
  t.same([...encodeDevice(1, 'vex')], [1, 0, 2, 0])
  t.same([...encodeDevice(1, 'hairpin')], [1, 0, 3, 0])
  t.equal(decodeKey(encodeKey(10_104_660)), 10_104_660)
  t.end()
})

t.test('struct refused', (t) => {
  const octets = new Uint8Array(BigUint64Array.of(0x1_0000_0002n, 3n).buffer)
  t.same(decodeRefused(octets), { forgedMarker: 0x1_0000_0002, foreignMac: 3 })
  t.same(decodeRefused(NO_REFUSED), { forgedMarker: 0, foreignMac: 0 })
  t.end()
})

t.test('per-CPU counters are summed', (t) => {
  const octets = new Uint8Array(BigUint64Array.of(1n, 0x1_0000_0000n, 2n).buffer)
  t.equal(sumPerCpu(octets), 0x1_0000_0003)
  t.end()
})

t.test('layouts are those of the kernel program', (t) => {
  const octetsOf = (name: string) => MAPS.find((map) => map.name === name)?.valueOctets
  t.equal(octetsOf('endpoints'), NO_ENDPOINT.length)
  t.equal(octetsOf('refused'), NO_REFUSED.length)
  t.equal(octetsOf('devices'), encodeDevice(1, 'vin').length)
  t.equal(MAPS.find((map) => map.name === 'heartbeat')?.maxEntries, HEARTBEAT_SLOTS)
  const header = readFileSync(join(root, 'native/bpf/vethwall.bpf.h'), 'utf8')
  const causes = [...header.matchAll(/^ {2}CAUSE_(\w+),$/gm)].map(([, name]) => name?.toLowerCase())
  t.same(causes, CAUSE_NAMES, 'one name for each cause, in the order of the enum')
  t.end()
})
