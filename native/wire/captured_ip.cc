#include "wire/captured_ip.h"

#include <algorithm>

#include "wire/checksum.h"
#include "wire/decode_stages.h"
#include "wire/writer.h"

namespace vethwall::wire {
namespace {

constexpr size_t kIpv4TotalAt = 2, kIpv4ChecksumAt = 10, kIpv6PayloadAt = 4, kUdpLengthAt = 4;
constexpr size_t kLengthMax = 65535;
constexpr uint16_t kMoreFragmentsOrOffset = 0x3fff;
constexpr uint8_t kNoNextHeader = 59;

// Longer than any padding of a short Ethernet frame behind an empty IPv6 datagram.
constexpr size_t kPaddingMax = 8;

// The length that holds, where none is stated or a snap length cut what it counts.
size_t length_of(size_t stated, size_t there, CaptureCut cut) {
  const bool is_left_out = stated == 0;
  const bool is_beyond = stated > there && cut == CaptureCut::kSnapLength;
  return is_left_out || is_beyond ? std::min(there, kLengthMax) : stated;
}

}  // namespace

CapturedIp::CapturedIp(std::span<const uint8_t> datagram, CaptureCut cut) {
  Header<1> first;
  if (!Reader(datagram).peek(first)) return;
  if (first.u8<0>() >> 4 == 4) read_ipv4(datagram, cut);
  if (first.u8<0>() >> 4 == 6) read_ipv6(datagram, cut);
}

void CapturedIp::mend(std::span<uint8_t> datagram) const {
  for (const Field& field : std::span(fields_).first(count_))
    store_be16(datagram, field.at, field.value);
}

void CapturedIp::read_ipv4(std::span<const uint8_t> datagram, CaptureCut cut) {
  Reader reader(datagram);
  Header<kIpv4Octets> ip;
  if (!reader.read(ip)) return;
  const size_t header_octets = (ip.u8<0>() & 0x0fu) * size_t{4};
  if (header_octets < kIpv4Octets || !reader.skip(header_octets - kIpv4Octets)) return;
  const size_t stated = ip.be16<2>();
  const size_t total = length_of(stated, datagram.size(), cut);
  if (total != stated) set(kIpv4TotalAt, total);
  sum_ipv4(datagram.first(header_octets), static_cast<uint16_t>(total));
  if (total < stated && ip.u8<9>() == kUdp && (ip.be16<6>() & kMoreFragmentsOrOffset) == 0)
    read_udp(reader.rest(), header_octets);
}

// RFC 791 §3.1
void CapturedIp::sum_ipv4(std::span<const uint8_t> header, uint16_t total) {
  std::array<uint8_t, 60> summed = {};
  std::ranges::copy(header, summed.begin());
  const uint16_t stated = load_be16(summed.data() + kIpv4ChecksumAt);
  store_be16(summed, kIpv4TotalAt, total);
  store_be16(summed, kIpv4ChecksumAt, 0);
  const auto checksum = static_cast<uint16_t>(~ones_sum(std::span(summed).first(header.size())));
  // Either zero of one's complement is right.
  if (fold(uint32_t{checksum} + 0xffff) != fold(uint32_t{stated} + 0xffff))
    set(kIpv4ChecksumAt, checksum);
}

// A jumbo payload (RFC 2675) states 0 as well: more than 64 KiB are cut.
void CapturedIp::read_ipv6(std::span<const uint8_t> datagram, CaptureCut cut) {
  Reader reader(datagram);
  Header<kIpv6Octets> ip;
  if (!reader.read(ip)) return;
  const size_t stated = ip.be16<4>();
  if (stated == 0 && (ip.u8<6>() == kNoNextHeader || reader.left() < kPaddingMax)) return;
  const size_t payload = length_of(stated, reader.left(), cut);
  if (payload == stated) return;
  set(kIpv6PayloadAt, payload);
  if (payload < stated && ip.u8<6>() == kUdp) read_udp(reader.rest(), kIpv6Octets);
}

void CapturedIp::read_udp(std::span<const uint8_t> segment, size_t at) {
  Header<kUdpOctets> udp;
  if (Reader(segment).peek(udp) && udp.be16<4>() > segment.size())
    set(at + kUdpLengthAt, segment.size());
}

}  // namespace vethwall::wire
