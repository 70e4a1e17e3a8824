#include <algorithm>

#include "wire/build.h"
#include "wire/build_stages.h"
#include "wire/checksum.h"
#include "wire/decode_stages.h"
#include "wire/marker.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace vethwall::wire {
namespace {

// RFC 1812 §4.3.2.3: an error takes at most 576 octets; RFC 4443 §2.4 (c): the least IPv6 MTU.
constexpr size_t kMaxQuoteIpv4 = 576 - kIpv4Octets - kIcmpOctets;
constexpr size_t kMaxQuoteIpv6 = 1280 - kIpv6Octets - kIcmpOctets;

bool is_group(const Address& address) {
  if (address.family == 4)
    return address.octets[0] >> 4 == 0xe || load_be32(address.octets.data()) == 0xffffffff;
  return address.octets[0] == 0xff;
}

bool was_sent_to_group(Frame frame) {
  Marker marker;
  if (read_marker(frame, marker) && marker.toward == Toward::kPod)
    return marker.kind != AddressKind::kPodMac;
  Reader reader(frame);
  Header<1> first;
  return reader.read(first) && (first.u8<0>() & 1) != 0;
}

bool is_icmp_answer(const Packet& packet) {
  constexpr uint8_t kRedirectV6 = 137;
  if (packet.family == 4 && packet.protocol == kIcmp) return is_icmp_error(packet);
  if (packet.family == 6 && packet.protocol == kIcmpV6)
    return packet.icmp_type < 128 || packet.icmp_type == kRedirectV6;
  return false;
}

// RFC 1122 §3.2.2, RFC 4443 §2.4 (e)
bool may_be_answered(Frame denied, const Packet& packet) {
  if (packet.family == 0 || packet.fragment_offset_octets != 0) return false;
  if (is_group(packet.destination) || is_group(packet.source)) return false;
  if (packet.source.octets == Address{}.octets) return false;
  return !was_sent_to_group(denied) && !is_icmp_answer(packet);
}

}  // namespace

Built build_prohibited(Frame denied, const Packet& packet) {
  Built built;
  if (!may_be_answered(denied, packet)) return built;
  const bool v4 = packet.family == 4;
  const size_t datagram = packet.l3_end - size_t{packet.l3_offset};
  const std::span<const uint8_t> quote =
      Reader(denied).part(packet.l3_offset, std::min(datagram, v4 ? kMaxQuoteIpv4 : kMaxQuoteIpv6));
  const L3Template l3 = reversed(template_of(denied, packet));
  const uint8_t protocol = v4 ? kIcmp : kIcmpV6;
  built.frame = frame_head(l3, protocol, kIcmpOctets + quote.size());
  const size_t l4_offset = built.frame.size();
  Writer writer(built.frame);
  writer.be16(v4 ? 0x030d : 0x0101);  // type, code
  writer.be16(0);
  writer.be32(0);
  writer.octets(quote);
  const std::span<uint8_t> message = std::span(built.frame).subspan(l4_offset);
  uint32_t sum = ones_sum(message);
  if (!v4)
    sum += pseudo_header_sum(l3.source, l3.destination, protocol,
                             static_cast<uint32_t>(message.size()));
  store_be16(message, 2, static_cast<uint16_t>(~fold(sum)));
  return built;
}

}  // namespace vethwall::wire
