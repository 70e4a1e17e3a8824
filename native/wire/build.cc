#include "wire/build.h"

#include <algorithm>
#include <utility>

#include "wire/build_stages.h"
#include "wire/checksum.h"
#include "wire/decode_stages.h"
#include "wire/marker.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace vethwall::wire {
namespace {

constexpr uint8_t kHopLimit = 64;  // RFC 1700's recommended default

void write_ipv4(Writer& writer, std::vector<uint8_t>& frame, const L3Template& l3, uint8_t protocol,
                size_t l4_octets) {
  const size_t start = frame.size();
  writer.be16(0x4500);
  writer.be16(static_cast<unsigned>(kIpv4Octets + l4_octets));
  writer.be16(0);  // RFC 6864 §4.1: an atomic datagram's identification means nothing
  writer.be16(kIpv4DontFragment);
  writer.u8(kHopLimit);
  writer.u8(protocol);
  writer.be16(0);
  writer.octets(std::span(l3.source.octets).first(4));
  writer.octets(std::span(l3.destination.octets).first(4));
  const std::span<uint8_t> header = std::span(frame).subspan(start, kIpv4Octets);
  store_be16(header, 10, static_cast<uint16_t>(~ones_sum(header)));
}

void write_ipv6(Writer& writer, const L3Template& l3, uint8_t protocol, size_t l4_octets) {
  writer.be32(0x60000000);
  writer.be16(static_cast<unsigned>(l4_octets));
  writer.u8(protocol);
  writer.u8(kHopLimit);
  writer.octets(l3.source.octets);
  writer.octets(l3.destination.octets);
}

// What answers a broadcast is unicast, and went up from nowhere: neither the kind of the
// overwritten address nor the form of its marker moves along.
std::array<uint8_t, 6> as_unicast(std::array<uint8_t, 6> mac) {
  if ((load_be32(mac.data()) & kMarkerPrefixMask) != kMarkerPrefix) return mac;
  mac[3] = static_cast<uint8_t>(MarkerForm::kPlain);
  mac[4] &= kEndpointMask >> 8;
  return mac;
}

}  // namespace

std::vector<uint8_t> frame_head(const L3Template& l3, uint8_t protocol, size_t l4_octets) {
  std::vector<uint8_t> frame;
  frame.reserve(14 + 4 * kMaxVlans + kIpv6Octets + l4_octets);
  Writer writer(frame);
  writer.octets(l3.destination_mac);
  writer.octets(l3.source_mac);
  for (size_t i = 0; i < l3.vlan_count && i < kMaxVlans; ++i) writer.be32(l3.vlan_tags[i]);
  if (l3.source.family == 4) {
    writer.be16(kEtherIpv4);
    write_ipv4(writer, frame, l3, protocol, l4_octets);
  } else {
    writer.be16(kEtherIpv6);
    write_ipv6(writer, l3, protocol, l4_octets);
  }
  return frame;
}

void leave_checksum_partial(Built& built, const L3Template& l3, uint8_t protocol, size_t l4_offset,
                            uint16_t checksum_at) {
  built.vnet.flags = kNeedsCsum;
  built.vnet.csum_start = static_cast<uint16_t>(l4_offset);
  built.vnet.csum_offset = checksum_at;
  const auto l4_octets = static_cast<uint32_t>(built.frame.size() - l4_offset);
  store_be16(built.frame, l4_offset + checksum_at,
             pseudo_header_sum(l3.source, l3.destination, protocol, l4_octets));
}

L3Template template_of(Frame frame, const Packet& packet) {
  L3Template l3;
  Reader reader(frame);
  Header<12> macs;
  if (!reader.read(macs)) return l3;
  macs.copy<0, 6>(l3.destination_mac);
  macs.copy<6, 6>(l3.source_mac);
  Header<4> tag;
  while (l3.vlan_count < packet.vlan_count && reader.read(tag))
    l3.vlan_tags[l3.vlan_count++] = tag.be32<0>();
  l3.source = packet.source;
  l3.destination = packet.destination;
  return l3;
}

L3Template reversed(const L3Template& l3) {
  L3Template back = l3;
  back.destination_mac = as_unicast(l3.source_mac);
  back.source_mac = as_unicast(l3.destination_mac);
  std::swap(back.source, back.destination);
  return back;
}

Built build_tcp(const L3Template& l3, const TcpFields& tcp, std::span<const uint8_t> payload) {
  payload = payload.first(std::min(payload.size(), kMaxTcpPayload));
  Built built;
  built.frame = frame_head(l3, kTcp, kTcpOctets + payload.size());
  const size_t l4_offset = built.frame.size();
  Writer writer(built.frame);
  writer.be16(tcp.source_port);
  writer.be16(tcp.destination_port);
  writer.be32(tcp.sequence);
  writer.be32(tcp.acknowledgement);
  writer.u8(kTcpOctets / 4 << 4);
  writer.u8(tcp.flags);
  writer.be16(tcp.window);
  writer.be32(0);
  writer.octets(payload);
  leave_checksum_partial(built, l3, kTcp, l4_offset, kTcpChecksumAt);
  if (payload.size() > kSafeSegment) {
    built.vnet.gso_type = l3.source.family == 4 ? kGsoTcp4 : kGsoTcp6;
    built.vnet.gso_size = kSafeSegment;
    built.vnet.hdr_len = static_cast<uint16_t>(l4_offset + kTcpOctets);
  }
  return built;
}

Built build_udp(const L3Template& l3, uint16_t source_port, uint16_t destination_port,
                std::span<const uint8_t> payload) {
  payload = payload.first(std::min(payload.size(), size_t{65535} - kIpv4Octets - kUdpOctets));
  Built built;
  built.frame = frame_head(l3, kUdp, kUdpOctets + payload.size());
  const size_t l4_offset = built.frame.size();
  Writer writer(built.frame);
  writer.be16(source_port);
  writer.be16(destination_port);
  writer.be16(static_cast<unsigned>(kUdpOctets + payload.size()));
  writer.be16(0);
  writer.octets(payload);
  leave_checksum_partial(built, l3, kUdp, l4_offset, kUdpChecksumAt);
  return built;
}

}  // namespace vethwall::wire
