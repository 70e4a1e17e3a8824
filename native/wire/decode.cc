#include <algorithm>

#include "wire/decode_stages.h"
#include "wire/packet.h"
#include "wire/reader.h"

namespace vethwall::wire {
namespace {

constexpr uint16_t kTpidCustomer = 0x8100;
constexpr uint16_t kTpidService = 0x88a8;
constexpr uint16_t kVlanIdMask = 0x0fff;

Malformed decode_ethernet(Reader& reader, Packet& out) {
  Header<14> ethernet;
  if (!reader.read(ethernet)) return Malformed::kTruncated;
  out.ethertype = ethernet.be16<12>();
  while (out.ethertype == kTpidCustomer || out.ethertype == kTpidService) {
    if (out.vlan_count == kMaxVlans) return Malformed::kVlanDepth;
    Header<4> tag;
    if (!reader.read(tag)) return Malformed::kTruncated;
    out.vlan_ids[out.vlan_count++] = tag.be16<0>() & kVlanIdMask;
    out.ethertype = tag.be16<2>();
  }
  out.l3_offset = static_cast<uint16_t>(reader.at());
  out.l3_end = static_cast<uint32_t>(reader.at() + reader.left());
  return Malformed::kOk;
}

// Who has no address yet may ask for one: DHCPv4 (RFC 2131 §4.1) and IGMP (RFC 3376 §4.2.13);
// ICMPv6 router and neighbour solicitations (RFC 4861 §4.1, §4.3) and MLD (RFC 3810 §5.2.13).
bool may_be_unspecified(const Packet& packet) {
  if (packet.is_fragment) return false;
  if (packet.family == 4) {
    return packet.protocol == kIgmp ||
           (packet.protocol == kUdp && packet.source_port == 68 && packet.destination_port == 67);
  }
  constexpr std::array<uint8_t, 5> kSolicitations = {131, 132, 133, 135, 143};
  return packet.protocol == kIcmpV6 &&
         std::ranges::find(kSolicitations, packet.icmp_type) != kSolicitations.end();
}

// RFC 1122 §3.2.1.3, RFC 4291 §2.5.2 and §2.7: no host has such an address.
Malformed check_source(const Packet& packet) {
  const auto& octets = packet.source.octets;
  const bool multicast = packet.family == 4 ? (octets[0] & 0xf0) == 0xe0 : octets[0] == 0xff;
  const bool broadcast = packet.family == 4 && load_be32(octets.data()) == 0xffffffff;
  if (multicast || broadcast) return Malformed::kSourceAddress;
  if (octets == Address{}.octets && !may_be_unspecified(packet)) return Malformed::kSourceAddress;
  return Malformed::kOk;
}

void describe_fragment(const Reader& reader, Packet& out) {
  if (out.fragment_offset_octets == 0) out.l4_offset = static_cast<uint16_t>(reader.at());
  out.payload_offset = static_cast<uint32_t>(reader.at());
  out.payload_octets = static_cast<uint32_t>(reader.left());
}

}  // namespace

Malformed decode(Frame frame, const VnetHeader& vnet, Packet& out) {
  out = Packet{};
  Reader reader(frame);
  Malformed found = decode_ethernet(reader, out);
  if (found != Malformed::kOk) return found;
  if (out.ethertype == kEtherIpv4) {
    found = decode_ipv4(reader, out);
  } else if (out.ethertype == kEtherIpv6) {
    found = decode_ipv6(reader, out);
  } else {
    return Malformed::kOk;
  }
  if (found != Malformed::kOk) return found;
  if (out.is_fragment) {
    describe_fragment(reader, out);
  } else {
    found = decode_l4(reader, vnet, out);
    if (found != Malformed::kOk && found != Malformed::kUdpUnsummed) return found;
  }
  const Malformed source = check_source(out);
  return source == Malformed::kOk ? found : source;
}

}  // namespace vethwall::wire
