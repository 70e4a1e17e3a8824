#include "wire/spread.h"

#include "wire/decode_stages.h"

namespace vethwall::wire {
namespace {

constexpr size_t kWordOctets = 4;

uint32_t word_at(const Address& address, size_t at) {
  const uint8_t* octet = address.octets.data() + at;
  return static_cast<uint32_t>(octet[0]) << 24 | static_cast<uint32_t>(octet[1]) << 16 |
         static_cast<uint32_t>(octet[2]) << 8 | octet[3];
}

uint32_t fold(const Address& address) {
  const size_t octets = address.family == 4 ? kWordOctets : address.octets.size();
  uint32_t folded = 0;
  for (size_t at = 0; at < octets; at += kWordOctets)
    folded = folded * kSpreadFold + word_at(address, at);
  return folded;
}

uint32_t mix(uint32_t value) {
  value ^= value >> 16;
  value *= kSpreadMix;
  return value ^ value >> 13;
}

bool has_ports(uint8_t protocol) { return protocol == kTcp || protocol == kUdp; }

}  // namespace

uint32_t Spread::of(const Address& a, uint16_t a_port, const Address& b, uint16_t b_port) const {
  const auto end = [this](const Address& address, uint16_t port) {
    return mix(fold(address) * kSpreadFold + port + seed);
  };
  return mix(end(a, a_port) + end(b, b_port)) % shards;
}

uint32_t Spread::of(const Packet& packet) const {
  if (packet.family == 0 || packet.vlan_count > 1) return 0;
  const bool by_ports = has_ports(packet.protocol) && !packet.is_fragment;
  return of(packet.source, by_ports ? packet.source_port : 0, packet.destination,
            by_ports ? packet.destination_port : 0);
}

uint32_t Spread::of(Frame frame, const Packet& packet) const {
  Quoted quoted = {};
  if (packet.vlan_count > 1 || packet.is_fragment || !decode_quoted(frame, packet, quoted))
    return of(packet);
  const bool by_ports = has_ports(quoted.protocol);
  return of(quoted.source, by_ports ? quoted.source_port : 0, quoted.destination,
            by_ports ? quoted.destination_port : 0);
}

}  // namespace vethwall::wire
