#include "wire/decode_stages.h"

namespace vethwall::wire {
namespace {

constexpr uint32_t kMaxPayload = 65535;

// RFC 8200 §4.5: a first fragment without all headers is discarded; as Linux's
// ipv6frag_thdr_truncated() counts them.
bool lacks_headers(Reader reader, uint8_t next_header) {
  for (int count = 0; is_ipv6_extension(next_header) && next_header != kNextFragment; ++count)
    if (count == kMaxExtensions || !skip_ipv6_extension(reader, next_header, next_header))
      return true;
  const size_t least = next_header == kTcp      ? kTcpOctets
                       : next_header == kUdp    ? kUdpOctets
                       : next_header == kIcmpV6 ? kIcmpOctets
                                                : 1;
  return reader.left() < least;
}

// RFC 8200 §4.5. Leaves `next_header` at what follows; an atomic fragment (RFC 6946) stays whole.
Malformed decode_fragment_header(Reader& reader, uint8_t& next_header, Packet& out) {
  const size_t start = reader.at();
  Header<8> fragment;
  // Linux accepts one fragment header in a packet (ipv6_frag_rcv, IP6SKB_FRAGMENTED).
  if (out.fragment_header_offset != 0 || !reader.read(fragment)) return Malformed::kIpv6Extension;
  next_header = fragment.u8<0>();
  out.fragment_header_offset = static_cast<uint16_t>(start);
  out.fragment_offset_octets = fragment.be16<2>() & kIpv6FragmentOffset;
  out.more_fragments = (fragment.u8<3>() & 1) != 0;
  out.fragment_id = fragment.be32<4>();
  out.is_fragment = out.more_fragments || out.fragment_offset_octets != 0;
  if (!out.is_fragment) return Malformed::kOk;
  const size_t data = reader.left();
  if (out.fragment_offset_octets == 0 && lacks_headers(reader, next_header))
    return Malformed::kFragment;
  if (data == 0 || (out.more_fragments && data % 8 != 0)) return Malformed::kFragment;
  // What is reassembled is stated in a 16-bit payload length, with the headers before the
  // fragment's.
  const size_t before = start - out.l3_offset - kIpv6Octets;
  if (before + out.fragment_offset_octets + data > kMaxPayload) return Malformed::kFragment;
  return Malformed::kOk;
}

// Only in transit is a routing header with segments left; a pod's own packet would be judged for
// one destination and delivered to another.
bool has_segments_left(const Reader& reader) {
  Header<4> routing;
  return reader.peek(routing) && routing.u8<3>() != 0;
}

Malformed decode_chain(Reader& reader, uint8_t next_header, Packet& out) {
  for (int count = 1; is_ipv6_extension(next_header) && !out.is_fragment; ++count) {
    if (count > kMaxExtensions) return Malformed::kIpv6Extension;
    if (next_header == kNextHopByHop && count != 1) return Malformed::kIpv6Extension;
    if (next_header == kNextRouting && has_segments_left(reader)) return Malformed::kSourceRoute;
    if (next_header == kNextFragment) {
      const Malformed found = decode_fragment_header(reader, next_header, out);
      if (found != Malformed::kOk) return found;
    } else if (!skip_ipv6_extension(reader, next_header, next_header)) {
      return Malformed::kIpv6Extension;
    }
  }
  out.protocol = next_header;
  return Malformed::kOk;
}

}  // namespace

bool is_ipv6_extension(uint8_t next_header) {
  switch (next_header) {
    case kNextHopByHop:
    case kNextRouting:
    case kNextFragment:
    case kNextAuthentication:
    case kNextDestination:
      return true;
    default:
      return false;
  }
}

bool skip_ipv6_extension(Reader& reader, uint8_t kind, uint8_t& next_header) {
  Header<2> head;
  if (!reader.peek(head)) return false;
  next_header = head.u8<0>();
  // RFC 4302 §2.2 counts 4-octet words less 2, the others (RFC 8200 §4) 8-octet units less 1.
  const size_t octets =
      kind == kNextAuthentication ? (head.u8<1>() + size_t{2}) * 4 : (head.u8<1>() + size_t{1}) * 8;
  return reader.skip(octets);
}

Malformed decode_ipv6(Reader& reader, Packet& out) {
  Header<1> first;
  if (!reader.peek(first)) return Malformed::kTruncated;
  if (first.u8<0>() >> 4 != 6) return Malformed::kIpVersion;
  Header<kIpv6Octets> ip;
  if (!reader.read(ip)) return Malformed::kTruncated;
  // A jumbo payload (RFC 2675) states 0 here: its hop-by-hop header then lies outside the packet.
  if (!reader.limit(ip.be16<4>())) return Malformed::kIpTotalLength;
  out.family = 6;
  out.l3_end = static_cast<uint32_t>(reader.at() + reader.left());
  out.hop_limit = ip.u8<7>();
  out.source.family = out.destination.family = 6;
  ip.copy<8, 16>(out.source.octets);
  ip.copy<24, 16>(out.destination.octets);
  return decode_chain(reader, ip.u8<6>(), out);
}

}  // namespace vethwall::wire
