#include "wire/neighbour.h"

#include "wire/decode_stages.h"
#include "wire/reader.h"

namespace vethwall::wire {
namespace {

constexpr uint16_t kHardwareEthernet = 1;  // RFC 826
constexpr uint8_t kMacOctets = 6, kIpv4AddressOctets = 4;
constexpr size_t kArpOctets = 28;
constexpr uint8_t kSourceLinkLayer = 1, kTargetLinkLayer = 2;  // RFC 4861 §4.6.1
constexpr size_t kOptionUnit = 8;                              // RFC 4861 §4.6

// The fixed part behind the 8 octets that every ICMPv6 header has.
size_t fixed_octets(uint8_t type) {
  switch (type) {
    case kRouterAdvertisement:
      return 8;
    case kNeighborSolicitation:
    case kNeighborAdvertisement:
      return 16;
    case kRedirect:
      return 32;
    default:
      return 0;
  }
}

bool read_option(Reader& reader, Neighbor& out) {
  Header<kOptionUnit> option;
  if (!reader.peek(option)) return false;
  const size_t octets = option.u8<1>() * kOptionUnit;
  if (octets == 0 || !reader.skip(octets)) return false;
  if (option.u8<0>() != kSourceLinkLayer && option.u8<0>() != kTargetLinkLayer) return true;
  if (octets != kOptionUnit || out.has_link_layer) return false;
  out.has_link_layer = true;
  option.copy<2, kMacOctets>(out.link_layer);
  return true;
}

}  // namespace

bool decode_arp(Frame frame, const Packet& packet, Arp& out) {
  Reader reader(frame);
  Header<kArpOctets> arp;
  if (!reader.skip(packet.l3_offset) || !reader.read(arp)) return false;
  if (arp.be16<0>() != kHardwareEthernet || arp.be16<2>() != kEtherIpv4 ||
      arp.u8<4>() != kMacOctets || arp.u8<5>() != kIpv4AddressOctets)
    return false;
  out = Arp{};
  out.operation = arp.be16<6>();
  arp.copy<8, kMacOctets>(out.sender_mac);
  out.sender.family = out.target.family = 4;
  arp.copy<14, kIpv4AddressOctets>(out.sender.octets);
  arp.copy<24, kIpv4AddressOctets>(out.target.octets);
  return true;
}

bool is_neighbor_discovery(const Packet& packet) {
  return packet.protocol == kIcmpV6 && packet.family == 6 &&
         packet.icmp_type >= kRouterSolicitation && packet.icmp_type <= kRedirect;
}

bool decode_neighbor(Frame frame, const Packet& packet, Neighbor& out) {
  out = Neighbor{};
  Reader reader(frame.first(packet.l3_end));
  if (!reader.skip(packet.l4_offset + kIcmpOctets)) return false;
  const size_t fixed = fixed_octets(packet.icmp_type);
  Header<16> target;
  if (fixed >= 16) {
    if (!reader.peek(target)) return false;
    out.target.family = 6;
    target.copy<0, 16>(out.target.octets);
  }
  if (!reader.skip(fixed)) return false;
  while (reader.left() > 0)
    if (!read_option(reader, out)) return false;
  return true;
}

}  // namespace vethwall::wire
