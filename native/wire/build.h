// Frames that the engine makes itself, from the frame that caused them. Each result carries a vnet
// header with a partial checksum where the kernel can finish it, VLAN tags as the cause had them.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "wire/packet.h"

namespace vethwall::wire {

struct Built {
  VnetHeader vnet = {};
  std::vector<uint8_t> frame;
};

// The Ethernet, VLAN and IP addressing of one direction of a flow, copied from a frame of it; the
// MAC pair already carries the marker that leads the built frame to the wanted side.
struct L3Template {
  std::array<uint8_t, 6> destination_mac = {};
  std::array<uint8_t, 6> source_mac = {};
  uint8_t vlan_count = 0;
  std::array<uint32_t, kMaxVlans> vlan_tags = {};  // TPID << 16 | TCI
  Address source;
  Address destination;
};
L3Template template_of(Frame frame, const Packet& packet);
// Addresses and MACs exchanged: answers to who sent the frame. The marker moves with its MAC.
L3Template reversed(const L3Template&);

struct TcpFields {
  uint16_t source_port;
  uint16_t destination_port;
  uint32_t sequence;
  uint32_t acknowledgement;
  uint8_t flags;
  uint16_t window;
};
// At most 65 495 octets of payload go out; above 1 220 the frame asks for segmentation.
Built build_tcp(const L3Template&, const TcpFields&, std::span<const uint8_t> payload);
Built build_udp(const L3Template&, uint16_t source_port, uint16_t destination_port,
                std::span<const uint8_t> payload);
// ICMP 3/13 (RFC 1812 §5.2.7.1) or ICMPv6 1/1 (RFC 4443 §3.1) quoting `denied`; sent to its source.
// The frame is empty where no error may be sent: RFC 1122 §3.2.2, RFC 4443 §2.4 (e).
Built build_prohibited(Frame denied, const Packet& packet);

// The part [from, to) of a TCP segment's payload as a frame of its own: lengths, sequence number,
// checksum, gso_size, csum_start mended; FIN and PSH only on the part that holds the last octet,
// SYN never on a part with from > 0. from == to == payload_octets is allowed for a bare FIN.
Built cut_tcp(Frame frame, const VnetHeader& vnet, const Packet& packet, uint32_t from_octets,
              uint32_t to_octets);

// A kGsoUdpL4 frame (UDP_SEGMENT) is several datagrams of gso_size octets, each to be judged: how
// many, and each as a frame of its own. Every other UDP frame is 1.
uint32_t udp_datagrams(const VnetHeader& vnet, const Packet& packet);
// As a queued packet has it: which datagrams it is made of is not told.
constexpr bool is_udp_of_unknown_size(const VnetHeader& vnet) {
  return (vnet.gso_type & ~kGsoEcn) == kGsoUdpL4 && vnet.gso_size == 0;
}
Built cut_udp(Frame frame, const VnetHeader& vnet, const Packet& packet, uint32_t index);

}  // namespace vethwall::wire
