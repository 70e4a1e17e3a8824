#include "wire/link_frame.h"

#include "wire/decode_stages.h"
#include "wire/writer.h"

namespace vethwall::wire {
namespace {

constexpr uint16_t kSllBroadcast = 1;  // LINKTYPE_LINUX_SLL's packet type
// LINKTYPE_NULL and LINKTYPE_LOOP: an address family whose numbers and order differ between
// systems; the IP header says the same.
constexpr size_t kFamilyOctets = 4;

}  // namespace

bool is_readable(LinkType link_type) {
  switch (link_type) {
    case LinkType::kNull:
    case LinkType::kEthernet:
    case LinkType::kRawAsWritten:
    case LinkType::kRaw:
    case LinkType::kLoop:
    case LinkType::kLinuxSll:
    case LinkType::kIpv4:
    case LinkType::kIpv6:
    case LinkType::kLinuxSll2:
      return true;
  }
  return false;
}

std::string unreadable(LinkType link_type, size_t at) {
  return "octet " + std::to_string(at) + ": link type " +
         std::to_string(static_cast<unsigned>(link_type)) +
         " can't be read; capture with one of Ethernet (1), raw IP (101), loopback (0, 108), "
         "Linux cooked (113, 276)";
}

Frame LinkFramer::as_ethernet(LinkType link_type, std::span<const uint8_t> packet) {
  Reader reader(packet);
  std::array<uint8_t, 6> source = {};
  switch (link_type) {
    case LinkType::kEthernet:
      return packet;
    case LinkType::kLinuxSll: {
      Header<16> cooked;
      if (!reader.read(cooked)) return {};
      cooked.copy<6, 6>(source);
      return framed(reader, source, cooked.be16<0>() == kSllBroadcast, cooked.be16<14>());
    }
    case LinkType::kLinuxSll2: {
      Header<20> cooked;
      if (!reader.read(cooked)) return {};
      cooked.copy<12, 6>(source);
      return framed(reader, source, cooked.u8<10>() == kSllBroadcast, cooked.be16<0>());
    }
    case LinkType::kNull:
    case LinkType::kLoop:
      return reader.skip(kFamilyOctets) ? framed_ip(reader) : Frame{};
    case LinkType::kRawAsWritten:
    case LinkType::kRaw:
    case LinkType::kIpv4:
    case LinkType::kIpv6:
      return framed_ip(reader);
  }
  return {};
}

Frame LinkFramer::framed_ip(Reader packet) {
  Header<1> first;
  if (!packet.peek(first)) return {};
  return framed(packet, {}, false, first.u8<0>() >> 4 == 6 ? kEtherIpv6 : kEtherIpv4);
}

Frame LinkFramer::framed(Reader packet, const std::array<uint8_t, 6>& source, bool is_broadcast,
                         uint16_t ethertype) {
  made_.clear();
  Writer writer(made_);
  std::array<uint8_t, 6> destination;
  destination.fill(is_broadcast ? 0xff : 0);
  writer.octets(destination);
  writer.octets(source);
  writer.be16(ethertype);
  writer.octets(packet.rest());
  return made_;
}

}  // namespace vethwall::wire
