// NFQUEUE messages as the kernel lays them out, octet by octet.
#pragma once
#include <linux/netlink.h>

#include <string>
#include <vector>

#include "test/wire_frames.h"

namespace vethwall::wire {

inline Octets little16(size_t value) {
  return {static_cast<uint8_t>(value), static_cast<uint8_t>(value >> 8)};
}

inline Octets attribute(uint16_t type, const Octets& value) {
  Octets out = joined({little16(4 + value.size()), little16(type), value});
  out.resize((out.size() + 3) & ~size_t{3});
  return out;
}

inline Octets netlink_message(uint16_t type, uint8_t sequence, const Octets& body) {
  return joined({little16(16 + body.size()),
                 {0, 0},
                 little16(type),
                 {0, 0},
                 {sequence, 0, 0, 0},
                 {0, 0, 0, 0},
                 body});
}

// NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET, AF_INET.
inline Octets packet_message(const std::vector<Octets>& attributes) {
  Octets body = {2, 0, 0, 1};
  for (const Octets& one : attributes) body.insert(body.end(), one.begin(), one.end());
  return netlink_message(0x0300, 0, body);
}

inline Octets answer_message(int negative_errno, uint8_t sequence) {
  const auto code = static_cast<uint32_t>(negative_errno);
  Octets body(20);
  for (size_t i = 0; i < 4; i++) body[i] = static_cast<uint8_t>(code >> (8 * i));
  return netlink_message(NLMSG_ERROR, sequence, body);
}

// FIN, PSH and ACK; the checksum holds the pseudo-header's sum, as a kernel leaves it.
inline Octets tcp4_frame(const Octets& payload) {
  Octets tcp = {0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x19, 1, 0, 0, 0, 0, 0};
  const size_t l4 = tcp.size() + payload.size();
  uint32_t sum = 0x0a00 + 0x0001 + 0x0a00 + 0x0002 + 6 + static_cast<uint32_t>(l4);
  sum = (sum & 0xffff) + (sum >> 16);
  tcp[16] = static_cast<uint8_t>(sum >> 8);
  tcp[17] = static_cast<uint8_t>(sum);
  return joined({macs(), ether4(), ipv4(6, l4), tcp, payload});
}

}  // namespace vethwall::wire
