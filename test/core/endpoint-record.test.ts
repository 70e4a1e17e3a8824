import t from 'tap'
import { endpointNoticeSchema } from '../../src/core/api/endpoint.js'
import { endpointRecordSchema } from '../../src/core/endpoint-record.js'
import { recordOf } from '../intercept/tc/record.js'

const RECORD = recordOf(7)

t.test('what is written as a file is accepted as a notice', async (t) => {
  const noPeer = { ...RECORD, links: { ...RECORD.links, hostIfindex: 0, peerIndexLost: true } }
  for (const record of [RECORD, noPeer]) {
    t.ok(endpointRecordSchema.safeParse(record).success)
    t.ok(endpointNoticeSchema.safeParse({ protocol: 1, record }).success)
  }
  t.ok(endpointRecordSchema.safeParse({ ...RECORD, attachment: 'rules', links: null }).success)
  t.notOk(endpointRecordSchema.safeParse({ ...RECORD, id: 0x4000 }).success)
  t.notOk(endpointRecordSchema.safeParse({ ...RECORD, ifName: '../x' }).success)
})

t.test('a record of a version that knew swaps only is a swap', async (t) => {
  const { why: _, attachment: __, ...old } = RECORD
  t.match(endpointRecordSchema.parse(old), { why: '', attachment: 'swap' })
})
