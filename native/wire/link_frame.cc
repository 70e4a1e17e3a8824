#include "wire/link_frame.h"

#include "wire/captured_ip.h"
#include "wire/decode_stages.h"
#include "wire/writer.h"

namespace vethwall::wire {
namespace {

constexpr size_t kMacsAndTypeOctets = 14, kVlanTagOctets = 4;

// Whether decode() finds the same in the packet as it was captured.
bool is_plain(LinkType link_type, std::span<const uint8_t> packet, const LinkHeader& header,
              size_t l3_offset) {
  if (link_type != LinkType::kEthernet) return false;
  if (l3_offset != kMacsAndTypeOctets + header.vlan_count * kVlanTagOctets) return false;
  Reader reader(packet);
  Header<2> tpid;
  reader.skip(kMacsAndTypeOctets - 2);
  for (size_t i = 0; i < header.vlan_count; ++i) {
    if (!reader.read(tpid) || tpid.be16<0>() != header.vlan_tags[i] >> 16) return false;
    reader.skip(2);
  }
  return true;
}

}  // namespace

std::string unreadable(LinkType link_type, size_t at) {
  return "octet " + std::to_string(at) + ": link type " +
         std::to_string(static_cast<unsigned>(link_type)) +
         " can't be read; capture with one of Ethernet (1), raw IP (12, 14, 101, 228, 229), "
         "loopback (0, 108), Linux cooked (113, 276), PPP (9, 50, 51), Cisco HDLC (104), "
         "802.11 (105, 127)";
}

Frame LinkFramer::as_ethernet(LinkType link_type, std::span<const uint8_t> packet, CaptureCut cut) {
  Reader reader(packet);
  LinkHeader header;
  // Of an Ethernet frame decode() says itself what is wrong.
  if (!read_link_header(link_type, reader, header))
    return link_type == LinkType::kEthernet ? packet : Frame{};
  const bool is_ip = header.ethertype == kEtherIpv4 || header.ethertype == kEtherIpv6;
  const bool as_captured = is_plain(link_type, packet, header, reader.at());
  if (!is_ip && link_type == LinkType::kEthernet) return packet;
  const std::span<const uint8_t> datagram = reader.rest();
  const CapturedIp captured(is_ip ? datagram : std::span<const uint8_t>{}, cut);
  if (as_captured && captured.is_sound()) return packet;
  write_header(header);
  const size_t l3_offset = made_.size();
  append(made_, datagram);
  captured.mend(std::span(made_).subspan(l3_offset));
  return made_;
}

void LinkFramer::write_header(const LinkHeader& header) {
  made_.clear();
  Writer writer(made_);
  writer.octets(header.destination);
  writer.octets(header.source);
  for (size_t i = 0; i < header.vlan_count; ++i) writer.be32(header.vlan_tags[i]);
  writer.be16(header.ethertype);
}

}  // namespace vethwall::wire
