#include "wire/checksum.h"
#include "wire/decode_stages.h"

namespace vethwall::wire {
namespace {

constexpr uint16_t kMoreFragments = 0x2000;
constexpr uint32_t kMaxTotalLength = 65535;

// RFC 791 §3.1. Linux drops a datagram whose options don't parse, so nobody else may believe it.
Malformed check_options(std::span<const uint8_t> options) {
  constexpr uint8_t kEnd = 0, kNop = 1, kLooseRoute = 131, kStrictRoute = 137;
  Reader reader(options);
  Header<1> kind;
  while (reader.read(kind) && kind.u8<0>() != kEnd) {
    if (kind.u8<0>() == kNop) continue;
    if (kind.u8<0>() == kLooseRoute || kind.u8<0>() == kStrictRoute) return Malformed::kSourceRoute;
    Header<1> length;
    if (!reader.read(length) || length.u8<0>() < 2 || !reader.skip(length.u8<0>() - size_t{2}))
      return Malformed::kIpHeaderLength;
  }
  return Malformed::kOk;
}

Malformed decode_fragmentation(const Header<kIpv4Octets>& ip, uint32_t header_octets, uint32_t data,
                               Packet& out) {
  const uint16_t field = ip.be16<6>();
  out.fragment_id = ip.be16<4>();
  out.more_fragments = (field & kMoreFragments) != 0;
  out.fragment_offset_octets = static_cast<uint16_t>((field & kIpv4FragmentOffset) * 8);
  out.is_fragment = out.more_fragments || out.fragment_offset_octets != 0;
  if (!out.is_fragment) return Malformed::kOk;
  if (data == 0 || (out.more_fragments && data % 8 != 0)) return Malformed::kFragment;
  if (header_octets + out.fragment_offset_octets + data > kMaxTotalLength)
    return Malformed::kFragment;
  return Malformed::kOk;
}

}  // namespace

Malformed decode_ipv4(Reader& reader, Packet& out) {
  const size_t start = reader.at();
  Header<1> first;
  if (!reader.peek(first)) return Malformed::kTruncated;
  if (first.u8<0>() >> 4 != 4) return Malformed::kIpVersion;
  const size_t room = reader.left();
  Header<kIpv4Octets> ip;
  if (!reader.read(ip)) return Malformed::kTruncated;
  const uint32_t header_octets = (ip.u8<0>() & 0x0fu) * 4;
  const uint32_t total = ip.be16<2>();
  if (total < kIpv4Octets || total > room) return Malformed::kIpTotalLength;
  if (header_octets < kIpv4Octets || header_octets > total) return Malformed::kIpHeaderLength;
  reader.limit(total - kIpv4Octets);
  std::span<const uint8_t> options;
  reader.take(header_octets - kIpv4Octets, options);
  if (ones_sum(reader.part(start, header_octets)) != kSumOfIntact) return Malformed::kIpChecksum;
  out.family = 4;
  out.l3_end = static_cast<uint32_t>(start + total);
  out.hop_limit = ip.u8<8>();
  out.protocol = ip.u8<9>();
  out.source.family = out.destination.family = 4;
  ip.copy<12, 4>(out.source.octets);
  ip.copy<16, 4>(out.destination.octets);
  if (!options.empty()) {
    const Malformed found = check_options(options);
    if (found != Malformed::kOk) return found;
  }
  return decode_fragmentation(ip, header_octets, total - header_octets, out);
}

}  // namespace vethwall::wire
