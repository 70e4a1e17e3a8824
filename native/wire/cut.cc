#include <algorithm>

#include "wire/build.h"
#include "wire/build_stages.h"
#include "wire/checksum.h"
#include "wire/decode_stages.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace vethwall::wire {
namespace {

constexpr uint8_t kFin = 1, kSyn = 2, kPsh = 8, kUrg = 32, kCwr = 128;

// The headers with payload octets [from, to) behind them; Ethernet padding stays out.
Built copy_part(Frame frame, const Packet& packet, uint32_t from, uint32_t to) {
  const Reader whole(frame);
  Built built;
  built.frame.reserve(packet.payload_offset + size_t{to} - from);
  append(built.frame, whole.part(0, packet.payload_offset));
  append(built.frame, whole.part(packet.payload_offset + size_t{from}, to - from));
  return built;
}

uint8_t flags_of_part(const Packet& packet, bool first, bool last) {
  uint8_t flags = packet.tcp_flags;
  // RFC 3168 §6.1.2: the kernel's own segmentation leaves CWR on the first segment only, too.
  if (!first) flags &= static_cast<uint8_t>(~(kSyn | kCwr));
  if (!last) flags &= static_cast<uint8_t>(~(kFin | kPsh));
  return flags;
}

// The urgent pointer counts from the segment's sequence number (RFC 9293 §3.1), which moved.
uint16_t shift_urgent(const Packet& packet, uint32_t moved, uint8_t& flags) {
  if ((flags & kUrg) != 0 && packet.urgent_pointer > moved)
    return static_cast<uint16_t>(packet.urgent_pointer - moved);
  flags &= static_cast<uint8_t>(~kUrg);
  return 0;
}

void keep_segmentation(Built& built, const VnetHeader& vnet, const Packet& packet) {
  const size_t payload = built.frame.size() - packet.payload_offset;
  if (vnet.gso_type == kGsoNone || vnet.gso_size == 0 || payload <= vnet.gso_size) return;
  built.vnet.gso_type = vnet.gso_type;
  built.vnet.gso_size = vnet.gso_size;
  built.vnet.hdr_len = static_cast<uint16_t>(packet.payload_offset);
}

}  // namespace

void mend_lengths(Built& built, const Packet& packet, uint16_t checksum_at) {
  const std::span<uint8_t> frame(built.frame);
  const size_t l3 = packet.l3_offset;
  if (packet.family == 4) {
    const std::span<uint8_t> header = frame.subspan(l3, packet.l4_offset - l3);
    store_be16(header, 2, static_cast<unsigned>(frame.size() - l3));
    store_be16(header, 10, 0);
    store_be16(header, 10, static_cast<uint16_t>(~ones_sum(header)));
  } else {
    store_be16(frame, l3 + 4, static_cast<unsigned>(frame.size() - l3 - kIpv6Octets));
  }
  L3Template l3_addresses;
  l3_addresses.source = packet.source;
  l3_addresses.destination = packet.destination;
  leave_checksum_partial(built, l3_addresses, packet.protocol, packet.l4_offset, checksum_at);
}

Built cut_tcp(Frame frame, const VnetHeader& vnet, const Packet& packet, uint32_t from_octets,
              uint32_t to_octets) {
  const uint32_t to = std::min(to_octets, packet.payload_octets);
  const uint32_t from = std::min(from_octets, to);
  Built built = copy_part(frame, packet, from, to);
  const bool has_syn = (packet.tcp_flags & kSyn) != 0;
  // A SYN takes one sequence number in front of the payload (RFC 9293 §3.4).
  const uint32_t moved = from + (from > 0 && has_syn ? 1 : 0);
  uint8_t flags = flags_of_part(packet, from == 0, to == packet.payload_octets);
  const uint16_t urgent = shift_urgent(packet, moved, flags);
  store_be32(built.frame, packet.l4_offset + size_t{4}, packet.sequence + moved);
  std::span(built.frame).subspan(packet.l4_offset + size_t{13}, 1)[0] = flags;
  store_be16(built.frame, packet.l4_offset + size_t{18}, urgent);
  mend_lengths(built, packet, kTcpChecksumAt);
  keep_segmentation(built, vnet, packet);
  return built;
}

uint32_t udp_datagrams(const VnetHeader& vnet, const Packet& packet) {
  if ((vnet.gso_type & ~kGsoEcn) != kGsoUdpL4 || vnet.gso_size == 0 || packet.payload_octets == 0)
    return 1;
  return (packet.payload_octets + vnet.gso_size - 1) / vnet.gso_size;
}

Built cut_udp(Frame frame, const VnetHeader& vnet, const Packet& packet, uint32_t index) {
  const uint32_t size = udp_datagrams(vnet, packet) == 1 ? packet.payload_octets : vnet.gso_size;
  const uint32_t from =
      static_cast<uint32_t>(std::min<uint64_t>(uint64_t{index} * size, packet.payload_octets));
  const uint32_t to = std::min(packet.payload_octets, from + size);
  Built built = copy_part(frame, packet, from, to);
  store_be16(built.frame, packet.l4_offset + size_t{4},
             static_cast<unsigned>(kUdpOctets + to - from));
  mend_lengths(built, packet, kUdpChecksumAt);
  return built;
}

}  // namespace vethwall::wire
