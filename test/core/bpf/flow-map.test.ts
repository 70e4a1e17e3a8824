import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  decodeFlowEntry,
  encodeFlowKey,
  FLOW_KEY_OCTETS,
  FLOW_OCTETS,
} from '../../../src/core/bpf/flow-map.js'
import { MAPS } from '../../../src/intercept/bpf/program.generated.js'
import { root } from '../../root.js'

t.test('struct flow_key', async (t) => {
  const key = { endpoint: 0x1234, protocol: 6, podPort: 80, peerPort: 0xabcd }
  const v4 = encodeFlowKey({ ...key, podAddress: '10.1.0.2', peerAddress: '10.1.0.3' })
  t.equal(
    Buffer.from(v4).toString('hex'),
    `0a010002${'00'.repeat(12)}0a010003${'00'.repeat(12)}0050abcd34120406`,
  )
  const v6 = encodeFlowKey({ ...key, podAddress: 'fd00::2', peerAddress: 'fd00::3' })
  t.equal(
    Buffer.from(v6).toString('hex'),
    `fd00${'00'.repeat(13)}02fd00${'00'.repeat(13)}030050abcd34120606`,
  )
})

t.test('struct flow', async (t) => {
  const octets = new Uint8Array(FLOW_OCTETS)
  const view = new DataView(octets.buffer)
  view.setUint32(0, 7, true)
  octets[4] = 2
  octets[5] = 1
  for (const [at, value] of [
    [40, 1n],
    [48, 2n],
    [56, 300n],
    [64, 400n],
  ] as const)
    view.setBigUint64(at, value, true)
  t.same(decodeFlowEntry(octets), {
    epoch: 7,
    isCut: { fromPod: true, toPod: false },
    packets: { fromPod: 1, toPod: 2 },
    octets: { fromPod: 300, toPod: 400 },
  })
})

t.test('layouts are those of the kernel program', async (t) => {
  const spec = MAPS.find(({ name }) => name === 'flows')
  t.match(spec, { keyOctets: FLOW_KEY_OCTETS, valueOctets: FLOW_OCTETS })
  const header = readFileSync(join(root, 'native/bpf/vethwall.bpf.h'), 'utf8')
  t.match(header, /FLOW_PENDING = 1, FLOW_CUT = 2/)
})
