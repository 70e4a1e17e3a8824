#include "wire/decode_stages.h"

namespace vethwall::wire {
namespace {

bool read_quoted_ipv4(Reader& reader, Quoted& out) {
  Header<kIpv4Octets> ip;
  if (!reader.read(ip) || ip.u8<0>() >> 4 != 4) return false;
  const size_t header_octets = (ip.u8<0>() & 0x0fu) * size_t{4};
  if (header_octets < kIpv4Octets || !reader.skip(header_octets - kIpv4Octets)) return false;
  if ((ip.be16<6>() & kIpv4FragmentOffset) != 0) return false;
  out.protocol = ip.u8<9>();
  ip.copy<12, 4>(out.source.octets);
  ip.copy<16, 4>(out.destination.octets);
  return true;
}

bool read_quoted_ipv6(Reader& reader, Quoted& out) {
  Header<kIpv6Octets> ip;
  if (!reader.read(ip) || ip.u8<0>() >> 4 != 6) return false;
  ip.copy<8, 16>(out.source.octets);
  ip.copy<24, 16>(out.destination.octets);
  uint8_t next_header = ip.u8<6>();
  for (int count = 0; is_ipv6_extension(next_header); ++count) {
    if (count == kMaxExtensions) return false;
    if (next_header != kNextFragment) {
      if (!skip_ipv6_extension(reader, next_header, next_header)) return false;
      continue;
    }
    Header<8> fragment;
    if (!reader.read(fragment) || (fragment.be16<2>() & kIpv6FragmentOffset) != 0) return false;
    next_header = fragment.u8<0>();
  }
  out.protocol = next_header;
  return true;
}

bool read_quoted_ports(Reader& reader, Quoted& out) {
  Header<8> l4;  // RFC 792: at least 64 bits are quoted
  if (out.protocol == (out.family == 4 ? kIcmp : kIcmpV6)) {
    if (!reader.read(l4)) return false;
    if (is_echo(out.family, l4.u8<0>())) out.source_port = out.destination_port = l4.be16<4>();
  } else if (out.protocol == kTcp || out.protocol == kUdp) {
    if (!reader.read(l4)) return false;
    out.source_port = l4.be16<0>();
    out.destination_port = l4.be16<2>();
  }
  return true;
}

}  // namespace

// RFC 792: unreachable, source quench, redirect, time exceeded, parameter problem. RFC 4443 §2.1:
// errors are below 128; only the four that are defined quote a packet.
bool is_icmp_error(const Packet& packet) {
  const uint8_t type = packet.icmp_type;
  if (packet.family == 4 && packet.protocol == kIcmp)
    return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
  return packet.family == 6 && packet.protocol == kIcmpV6 && type >= 1 && type <= 4;
}

bool decode_quoted(Frame frame, const Packet& packet, Quoted& out) {
  if (packet.is_fragment || !is_icmp_error(packet)) return false;
  out = Quoted{};
  out.family = out.source.family = out.destination.family = packet.family;
  const Reader whole(frame);
  Reader reader(whole.part(packet.payload_offset, packet.payload_octets));
  const bool addressed =
      packet.family == 4 ? read_quoted_ipv4(reader, out) : read_quoted_ipv6(reader, out);
  return addressed && read_quoted_ports(reader, out);
}

}  // namespace vethwall::wire
