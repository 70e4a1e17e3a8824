/**
 * ip link add eth0 index 7 address 02:42:ac:11:00:02 mtu 1400 txqueuelen 333 type veth peer name host0 index 8
 * ip link set eth0 alias uplink; ip link property add dev eth0 altname up0; ip link set eth0 up
 * The answer to RTM_GETLINK eth0, statistics and the like left out; IFLA_QDISC stands for what we don't read.
 */
import t from 'tap'
import { decodeLink, RTM_NEWLINK } from '../../../src/core/netlink/link.js'
import { addAltNames, newVethPair, setLink } from '../../../src/core/netlink/link-request.js'
import { hex, lines, messageOf, payloadLines, SKIP } from './hex.js'

const NEWLINK_ETH0 = hex(`
  00 00 01 00 // ifi_family, ifi_type
  07 00 00 00 // ifi_index 7
  43 10 01 00 // ifi_flags 0x11043
  00 00 00 00 // ifi_change 0x0
  09 00 03 00 // nla_len 9, IFLA_IFNAME
  65 74 68 30 00 // "eth0"
  00 00 00 // padding
  08 00 0d 00 // nla_len 8, IFLA_TXQLEN
  4d 01 00 00 // 333
  08 00 04 00 // nla_len 8, IFLA_MTU
  78 05 00 00 // 1400
  08 00 1b 00 // nla_len 8, IFLA_GROUP
  00 00 00 00 // 0
  08 00 1f 00 // nla_len 8, IFLA_NUM_TX_QUEUES
  02 00 00 00 // 2
  08 00 28 00 // nla_len 8, IFLA_GSO_MAX_SEGS
  ff ff 00 00 // 65535
  08 00 29 00 // nla_len 8, IFLA_GSO_MAX_SIZE
  00 00 01 00 // 65536
  08 00 20 00 // nla_len 8, IFLA_NUM_RX_QUEUES
  02 00 00 00 // 2
  0b 00 14 00 // nla_len 11, IFLA_IFALIAS
  75 70 6c 69 6e 6b 00 // "uplink"
  00 // padding
  0a 00 01 00 // nla_len 10, IFLA_ADDRESS
  02 42 ac 11 00 02 // value
  00 00 // padding
  10 00 12 00 // nla_len 16, IFLA_LINKINFO
    09 00 01 00 // nla_len 9, IFLA_INFO_KIND
    76 65 74 68 00 // "veth"
    00 00 00 // padding
  08 00 05 00 // nla_len 8, IFLA_LINK
  08 00 00 00 // 8
  0c 00 06 00 // nla_len 12, IFLA_QDISC
  6e 6f 71 75 65 75 65 00 // "noqueue"
  10 00 1a 00 // nla_len 16, IFLA_AF_SPEC
    0c 00 0a 00 // nla_len 12, AF_INET6
      05 00 08 00 // nla_len 5, IFLA_INET6_ADDR_GEN_MODE
      00 // 0
      00 00 00 // padding
  0c 00 34 80 // nla_len 12, IFLA_PROP_LIST | NLA_F_NESTED
    08 00 35 00 // nla_len 8, IFLA_ALT_IFNAME
    75 70 30 00 // "up0"
`)

t.test('a link as read', { skip: SKIP }, async (t) => {
  t.strictSame(decodeLink(messageOf(RTM_NEWLINK, NEWLINK_ETH0)), {
    ifindex: 7,
    flags: 0x11043,
    name: 'eth0',
    mac: '02:42:ac:11:00:02',
    mtuOctets: 1400,
    txQueueFrames: 333,
    peerIfindex: 8,
    isPeerHere: true,
    masterIfindex: 0,
    group: 0,
    txQueues: 2,
    rxQueues: 2,
    kind: 'veth',
    addrGenMode: 0,
    alias: 'uplink',
    altNames: ['up0'],
    gsoMaxOctets: 65536,
    gsoMaxSegments: 65535,
  })
  t.equal(decodeLink(messageOf(20, NEWLINK_ETH0)), null, 'another message is no link')
  t.throws(() => decodeLink(messageOf(RTM_NEWLINK, NEWLINK_ETH0.subarray(0, 15))), /at least 16/)
})

/** ip link add vin-1a2b3c4d5e6 index 9 mtu 1400 txqueuelen 1000 type veth peer name eth0 index 2 … netns POD */
const NEW_PAIR = hex(`
  00 00 00 00 // ifi_family, ifi_type
  09 00 00 00 // ifi_index 9
  00 00 00 00 // ifi_flags 0x0
  00 00 00 00 // ifi_change 0x0
  14 00 03 00 // nla_len 20, IFLA_IFNAME
  76 69 6e 2d 31 61 32 62 33 63 34 64 35 65 36 00 // "vin-1a2b3c4d5e6"
  08 00 04 00 // nla_len 8, IFLA_MTU
  78 05 00 00 // 1400
  08 00 0d 00 // nla_len 8, IFLA_TXQLEN
  e8 03 00 00 // 1000
  58 00 12 80 // nla_len 88, IFLA_LINKINFO | NLA_F_NESTED
    09 00 01 00 // nla_len 9, IFLA_INFO_KIND
    76 65 74 68 00 // "veth"
    00 00 00 // padding
    48 00 02 80 // nla_len 72, IFLA_INFO_DATA | NLA_F_NESTED
      44 00 01 00 // nla_len 68, VETH_INFO_PEER
        00 00 00 00 // ifi_family, ifi_type
        02 00 00 00 // ifi_index 2
        00 00 00 00 // ifi_flags 0x0
        00 00 00 00 // ifi_change 0x0
        09 00 03 00 // nla_len 9, IFLA_IFNAME
        65 74 68 30 00 // "eth0"
        00 00 00 // padding
        08 00 04 00 // nla_len 8, IFLA_MTU
        78 05 00 00 // 1400
        08 00 0d 00 // nla_len 8, IFLA_TXQLEN
        e8 03 00 00 // 1000
        0a 00 01 00 // nla_len 10, IFLA_ADDRESS
        02 42 ac 11 00 02 // value
        00 00 // padding
        08 00 1c 00 // nla_len 8, IFLA_NET_NS_FD
        0b 00 00 00 // 11
`)

t.test('a veth pair across two namespaces is one message', { skip: SKIP }, async (t) => {
  const end = { mtuOctets: 1400, txQueueFrames: 1000 }
  const request = newVethPair(
    { ...end, name: 'vin-1a2b3c4d5e6', ifindex: 9, mac: null },
    { ...end, name: 'eth0', ifindex: 2, mac: '02:42:ac:11:00:02' },
    11,
  )
  t.strictSame(payloadLines(request), lines(NEW_PAIR))
  t.match(decodeLink(messageOf(RTM_NEWLINK, request.payload)), {
    ifindex: 9,
    name: 'vin-1a2b3c4d5e6',
    kind: 'veth',
    mtuOctets: 1400,
  })
})

/** No iproute2 command says it: IFLA_NEW_IFINDEX with the namespace and the name. */
const MOVE = hex(`
  00 00 00 00 // ifi_family, ifi_type
  02 00 00 00 // ifi_index 2
  00 00 00 00 // ifi_flags 0x0
  00 00 00 00 // ifi_change 0x0
  14 00 03 00 // nla_len 20, IFLA_IFNAME
  76 65 78 2d 31 61 32 62 33 63 34 64 35 65 36 00 // "vex-1a2b3c4d5e6"
  08 00 31 00 // nla_len 8, IFLA_NEW_IFINDEX
  21 1d 9a 00 // 10100001
  08 00 1c 00 // nla_len 8, IFLA_NET_NS_FD
  0b 00 00 00 // 11
`)

t.test('a move, a name and an index are one message', { skip: SKIP }, async (t) => {
  const change = { newIfindex: 10_100_001, netnsFd: 11, name: 'vex-1a2b3c4d5e6' }
  t.strictSame(payloadLines(setLink(2, change)), lines(MOVE))
})

/** ip link set dev IFINDEX7 up alias x addrgenmode none; the alias without a NUL, dev_set_alias() keeps its length. */
const CHANGE = hex(`
  00 00 00 00 // ifi_family, ifi_type
  07 00 00 00 // ifi_index 7
  01 00 00 00 // ifi_flags 0x1
  01 00 00 00 // ifi_change 0x1
  05 00 14 00 // nla_len 5, IFLA_IFALIAS
  78 // "x"
  00 00 00 // padding
  10 00 1a 80 // nla_len 16, IFLA_AF_SPEC | NLA_F_NESTED
    0c 00 0a 80 // nla_len 12, AF_INET6 | NLA_F_NESTED
      05 00 08 00 // nla_len 5, IFLA_INET6_ADDR_GEN_MODE
      01 // 1
      00 00 00 // padding
`)

t.test('alias, up and addrgenmode', { skip: SKIP }, async (t) => {
  t.strictSame(payloadLines(setLink(7, { up: true, alias: 'x', addrGenMode: 1 })), lines(CHANGE))
})

/** ip link property add dev IFINDEX7 altname up0 altname up1 */
const ALT_NAMES = hex(`
  00 00 00 00 // ifi_family, ifi_type
  07 00 00 00 // ifi_index 7
  00 00 00 00 // ifi_flags 0x0
  00 00 00 00 // ifi_change 0x0
  14 00 34 80 // nla_len 20, IFLA_PROP_LIST | NLA_F_NESTED
    08 00 35 00 // nla_len 8, IFLA_ALT_IFNAME
    75 70 30 00 // "up0"
    08 00 35 00 // nla_len 8, IFLA_ALT_IFNAME
    75 70 31 00 // "up1"
`)

t.test('alternative names', { skip: SKIP }, async (t) => {
  t.strictSame(payloadLines(addAltNames(7, ['up0', 'up1'])), lines(ALT_NAMES))
})
