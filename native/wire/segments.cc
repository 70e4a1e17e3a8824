#include "wire/segments.h"

#include <algorithm>

#include "wire/build_stages.h"
#include "wire/checksum.h"
#include "wire/decode_stages.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace vethwall::wire {
namespace {

// What leave_checksum_partial() left to the kernel. The field's pseudo-header sum is not trusted,
// nor what may lie behind the octets that the header speaks for: a receiver takes neither into
// account.
void finish_checksum(std::span<uint8_t> frame, const VnetHeader& vnet, const Packet& packet) {
  const size_t field = size_t{vnet.csum_start} + vnet.csum_offset;
  const size_t end = size_t{packet.payload_offset} + packet.payload_octets;
  if ((vnet.flags & kNeedsCsum) == 0 || field + 2 > end || end > frame.size()) return;
  store_be16(frame, field, 0);
  const std::span<const uint8_t> l4 = frame.subspan(vnet.csum_start, end - vnet.csum_start);
  const uint32_t pseudo = pseudo_header_sum(packet.source, packet.destination, packet.protocol,
                                            static_cast<uint32_t>(l4.size()));
  const auto sum = static_cast<uint16_t>(~fold(pseudo + ones_sum(l4)));
  // RFC 768: a UDP checksum of 0 would say that there is none.
  store_be16(frame, field, sum == 0 && packet.protocol == kUdp ? 0xffff : sum);
}

std::vector<uint8_t> packet_of(Frame frame, const VnetHeader& vnet, const Packet& packet) {
  std::vector<uint8_t> copy(frame.begin(), frame.begin() + packet.l3_end);
  finish_checksum(copy, vnet, packet);
  copy.erase(copy.begin(), copy.begin() + packet.l3_offset);
  return copy;
}

}  // namespace

std::vector<std::vector<uint8_t>> segments_of(const VnetHeader& vnet, Frame frame,
                                              uint32_t mtu_octets) {
  std::vector<std::vector<uint8_t>> out;
  Packet packet;
  if (decode(frame, vnet, packet) != Malformed::kOk || packet.family == 0) return out;
  const uint32_t headers = packet.payload_offset - packet.l3_offset;
  const bool fits = packet.l3_end - packet.l3_offset <= mtu_octets || mtu_octets <= headers;
  if (fits || packet.protocol != kTcp || packet.is_fragment) {
    out.push_back(packet_of(frame, vnet, packet));
    return out;
  }
  const uint32_t size = mtu_octets - headers;
  for (uint32_t from = 0; from < packet.payload_octets; from += size) {
    const Built part =
        cut_tcp(frame, vnet, packet, from, std::min(packet.payload_octets, from + size));
    Packet cut;
    if (decode(part.frame, part.vnet, cut) == Malformed::kOk)
      out.push_back(packet_of(part.frame, part.vnet, cut));
  }
  return out;
}

Built without_tail(Frame frame) {
  Built whole;
  whole.frame.assign(frame.begin(), frame.end());
  Reader reader(frame);
  Header<14> ethernet;
  if (!reader.read(ethernet)) return {};
  const size_t l3 = reader.at();
  const bool is_v4 = ethernet.be16<12>() == kEtherIpv4;
  if (frame.size() < l3 + (is_v4 ? kIpv4Octets : kIpv6Octets)) return {};
  const size_t stated = frame.size() - l3 - (is_v4 ? 0 : kIpv6Octets);
  if (stated > 0xffff) return {};
  store_be16(whole.frame, l3 + (is_v4 ? 2 : 4), static_cast<unsigned>(stated));
  if (is_v4) {
    Header<1> first;
    if (!reader.peek(first)) return {};
    const size_t header = (first.u8<0>() & 0x0f) * size_t{4};
    if (header < kIpv4Octets || frame.size() < l3 + header) return {};
    store_be16(whole.frame, l3 + 10, 0);
    store_be16(whole.frame, l3 + 10,
               static_cast<uint16_t>(~ones_sum(std::span(whole.frame).subspan(l3, header))));
  }
  whole.vnet.flags = kDataValid;
  Packet packet;
  if (decode(whole.frame, whole.vnet, packet) != Malformed::kOk || packet.protocol != kTcp ||
      packet.is_fragment || packet.payload_octets < 2)
    return {};
  // One octet less than there is: so the part is not the last, and its flags say that.
  return cut_tcp(whole.frame, whole.vnet, packet, 0, packet.payload_octets - 1);
}

}  // namespace vethwall::wire
