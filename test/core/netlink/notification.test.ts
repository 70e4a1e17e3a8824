import t from 'tap'
import { HOST_LITTLE_ENDIAN, viewOf } from '../../../src/core/netlink/attribute.js'
import { encodeBatch } from '../../../src/core/netlink/message.js'
import { touchedDevices } from '../../../src/core/netlink/notification.js'

const OWN_PORT = 77
const RTM_NEWLINK = 16
const RTM_DELTFILTER = 45
const RTM_NEWADDR = 20

/** struct nlmsghdr before ifinfomsg or tcmsg, whose index is at the same place. */
function told(type: number, ifindex: number, portId = 0, octets = 20): Uint8Array {
  const payload = new Uint8Array(octets)
  if (octets >= 8) viewOf(payload).setInt32(4, ifindex, HOST_LITTLE_ENDIAN)
  const message = encodeBatch([{ type, flags: 0, payload, subject: '' }], 0)
  viewOf(message).setUint32(12, portId, HOST_LITTLE_ENDIAN)
  return message
}

t.test('links, qdiscs and filters count, whoever changed them', async (t) => {
  const heard = Buffer.concat([
    ...[told(RTM_NEWLINK, 5), told(RTM_DELTFILTER, 10_000_000, 12), told(RTM_NEWADDR, 6)],
  ])
  t.same([...touchedDevices(heard, OWN_PORT)], [5, 10_000_000])
})

t.test('the answers to own questions do not, nor what is too short to name a device', async (t) => {
  const heard = Buffer.concat([told(RTM_NEWLINK, 5, OWN_PORT), told(RTM_NEWLINK, 0, 0, 4)])
  t.same([...touchedDevices(heard, OWN_PORT)], [])
  t.same([...touchedDevices(new Uint8Array(), null)], [])
})
