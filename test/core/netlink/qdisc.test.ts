import t from 'tap'
import {
  addClsact,
  decodeQdisc,
  deleteClsact,
  deleteIngress,
  deleteQdisc,
  dumpQdiscs,
  replaceIngress,
  TC_H_INGRESS,
  TC_H_ROOT,
} from '../../../src/core/netlink/qdisc.js'
import { asMessage, D0, golden, onWire } from './golden.js'

const REPLACE = `
  30 00 00 00 24 00 05 05 00 00 00 00 00 00 00 00 | 48 octets, RTM_NEWQDISC, REQUEST ACK REPLACE CREATE
  00 00 00 00 03 00 00 00                         | tcm_ifindex
  00 00 ff ff f1 ff ff ff                         | tcm_handle ffff:, tcm_parent TC_H_INGRESS
  00 00 00 00                                     | tcm_info
  0c 00 01 00 69 6e 67 72 65 73 73 00             | TCA_KIND "ingress"
`
const DELETE = `
  30 00 00 00 25 00 05 00 00 00 00 00 00 00 00 00 | 48 octets, RTM_DELQDISC, REQUEST ACK
  00 00 00 00 03 00 00 00                         | tcm_ifindex
  00 00 ff ff f1 ff ff ff                         | tcm_handle ffff:, tcm_parent TC_H_INGRESS
  00 00 00 00                                     | tcm_info
  0c 00 01 00 69 6e 67 72 65 73 73 00             | TCA_KIND "ingress"
`
const DUMP = `
  24 00 00 00 26 00 01 03 00 00 00 00 00 00 00 00 | 36 octets, RTM_GETQDISC, REQUEST DUMP
  00 00 00 00 00 00 00 00                         | tcm_ifindex: any
  00 00 00 00 00 00 00 00 00 00 00 00             | tcm_handle, tcm_parent, tcm_info
`

t.test('tc qdisc replace dev d0 ingress', (t) => {
  t.equal(onWire(replaceIngress(D0)), golden(REPLACE))
  t.same(decodeQdisc(asMessage(REPLACE)), {
    ifindex: D0,
    handle: 0xffff_0000,
    parent: TC_H_INGRESS,
    kind: 'ingress',
  })
  t.end()
})

t.test('tc qdisc del dev d0 ingress', (t) => {
  t.equal(onWire(deleteIngress(D0)), golden(DELETE))
  t.end()
})

t.test('tc qdisc add and del dev d0 clsact', (t) => {
  const clsact = '0b 00 01 00 63 6c 73 61 63 74 00 00 | TCA_KIND "clsact"'
  const add = REPLACE.replace('24 00 05 05', '24 00 05 06').replace(/0c 00 01 00.*/, clsact)
  t.equal(onWire(addClsact(D0)), golden(add), 'REQUEST ACK EXCL CREATE')
  t.equal(onWire(deleteClsact(D0)), golden(DELETE.replace(/0c 00 01 00.*/, clsact)))
  t.end()
})

t.test('tc qdisc del dev d0 root', (t) => {
  const found = { ifindex: D0, handle: 0x8001_0000, parent: TC_H_ROOT, kind: 'pfifo' }
  t.equal(
    onWire(deleteQdisc(found)),
    golden(`
      30 00 00 00 25 00 05 00 00 00 00 00 00 00 00 00 | 48 octets, RTM_DELQDISC, REQUEST ACK
      00 00 00 00 03 00 00 00                         | tcm_ifindex
      00 00 01 80 ff ff ff ff                         | tcm_handle 8001:, tcm_parent TC_H_ROOT
      00 00 00 00                                     | tcm_info
      0a 00 01 00 70 66 69 66 6f 00 00 00             | TCA_KIND "pfifo"
    `),
  )
  t.end()
})

t.test('tc qdisc show', (t) => {
  t.equal(onWire(dumpQdiscs()), golden(DUMP))
  t.equal(decodeQdisc(asMessage(DUMP)), null, 'no qdisc in it')
  t.end()
})
