#include "wire/checksum.h"
#include "wire/decode_stages.h"

namespace vethwall::wire {
namespace {

bool is_checksum_open(const VnetHeader& vnet) {
  return (vnet.flags & (kNeedsCsum | kDataValid)) == 0;
}

bool is_intact(std::span<const uint8_t> l4, const Packet& packet) {
  const uint32_t pseudo = pseudo_header_sum(packet.source, packet.destination, packet.protocol,
                                            static_cast<uint32_t>(l4.size()));
  return fold(pseudo + ones_sum(l4)) == kSumOfIntact;
}

void set_payload(const Reader& reader, Packet& out) {
  out.payload_offset = static_cast<uint32_t>(reader.at());
  out.payload_octets = static_cast<uint32_t>(reader.left());
}

Malformed decode_tcp(Reader& reader, const VnetHeader& vnet, Packet& out) {
  const std::span<const uint8_t> segment = reader.rest();
  Header<kTcpOctets> tcp;
  if (!reader.read(tcp)) return Malformed::kTruncated;
  const size_t header_octets = (tcp.u8<12>() >> 4) * size_t{4};
  if (header_octets < kTcpOctets || !reader.skip(header_octets - kTcpOctets))
    return Malformed::kTcpHeaderLength;
  out.source_port = tcp.be16<0>();
  out.destination_port = tcp.be16<2>();
  out.sequence = tcp.be32<4>();
  out.acknowledgement = tcp.be32<8>();
  out.tcp_flags = tcp.u8<13>();
  out.window = tcp.be16<14>();
  out.urgent_pointer = tcp.be16<18>();
  set_payload(reader, out);
  if (is_checksum_open(vnet) && !is_intact(segment, out)) return Malformed::kL4Checksum;
  return Malformed::kOk;
}

Malformed decode_udp(Reader& reader, const VnetHeader& vnet, Packet& out) {
  const std::span<const uint8_t> rest = reader.rest();
  Header<kUdpOctets> udp;
  if (!reader.read(udp)) return Malformed::kTruncated;
  const size_t length = udp.be16<4>();
  if (length < kUdpOctets || !reader.limit(length - kUdpOctets)) return Malformed::kUdpLength;
  out.source_port = udp.be16<0>();
  out.destination_port = udp.be16<2>();
  set_payload(reader, out);
  if (udp.be16<6>() == 0 && (vnet.flags & kNeedsCsum) == 0) {
    // RFC 768: none was made.
    return out.family == 4 ? Malformed::kOk : Malformed::kUdpUnsummed;
  }
  if (is_checksum_open(vnet) && !is_intact(rest.first(length), out)) return Malformed::kL4Checksum;
  return Malformed::kOk;
}

Malformed decode_icmp(Reader& reader, const VnetHeader& vnet, Packet& out) {
  const std::span<const uint8_t> message = reader.rest();
  Header<kIcmpOctets> icmp;
  if (!reader.read(icmp)) return Malformed::kTruncated;
  out.icmp_type = icmp.u8<0>();
  out.icmp_code = icmp.u8<1>();
  if (is_echo(out.family, out.icmp_type)) out.source_port = out.destination_port = icmp.be16<4>();
  set_payload(reader, out);
  if (!is_checksum_open(vnet)) return Malformed::kOk;
  // RFC 792 sums the message alone, RFC 4443 §2.3 with the pseudo-header.
  const bool intact = out.family == 4 ? ones_sum(message) == kSumOfIntact : is_intact(message, out);
  return intact ? Malformed::kOk : Malformed::kL4Checksum;
}

}  // namespace

bool is_echo(uint8_t family, uint8_t icmp_type) {
  return family == 4 ? icmp_type == 8 || icmp_type == 0 : icmp_type == 128 || icmp_type == 129;
}

Malformed decode_l4(Reader& reader, const VnetHeader& vnet, Packet& out) {
  out.l4_offset = static_cast<uint16_t>(reader.at());
  if (out.protocol == kTcp) return decode_tcp(reader, vnet, out);
  if (out.protocol == kUdp) return decode_udp(reader, vnet, out);
  if (out.protocol == (out.family == 4 ? kIcmp : kIcmpV6)) return decode_icmp(reader, vnet, out);
  set_payload(reader, out);
  return Malformed::kOk;
}

}  // namespace vethwall::wire
