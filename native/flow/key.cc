#include "flow/key.h"

#include <netinet/in.h>

#include <cstring>

namespace vethwall::flow {
namespace {

// RFC 792, RFC 4443 §4.
constexpr uint8_t kEchoReply4 = 0;
constexpr uint8_t kEchoRequest4 = 8;
constexpr uint8_t kEchoRequest6 = 128;
constexpr uint8_t kEchoReply6 = 129;

// In the order of the octets, half by half: of so many memcmp() is a call.
uint64_t half_of(const wire::Address& address, size_t half) {
  uint64_t word;
  std::memcpy(&word, address.octets.data() + half * sizeof word, sizeof word);
  return __builtin_bswap64(word);
}

bool is_lower(const End& a, const End& b) {
  for (size_t half = 0; half < 2; ++half) {
    const uint64_t of_a = half_of(a.address, half);
    const uint64_t of_b = half_of(b.address, half);
    if (of_a != of_b) return of_a < of_b;
  }
  return a.port <= b.port;
}

uint8_t leg_of(wire::Toward toward, bool source_is_low) {
  if (toward == wire::Toward::kUnknown) return 2;
  return (toward == wire::Toward::kNetwork) == source_is_low ? 1 : 0;
}

}  // namespace

bool is_icmp(uint8_t protocol) { return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6; }

bool is_echo(const wire::Packet& packet) {
  if (packet.protocol == IPPROTO_ICMP)
    return packet.icmp_type == kEchoReply4 || packet.icmp_type == kEchoRequest4;
  return packet.protocol == IPPROTO_ICMPV6 &&
         (packet.icmp_type == kEchoRequest6 || packet.icmp_type == kEchoReply6);
}

Keyed make_key(uint16_t endpoint, wire::Toward toward, const wire::Packet& packet,
               const End& source, const End& destination, uint8_t protocol) {
  Keyed out = {};
  out.source_is_low = is_lower(source, destination);
  const End& low = out.source_is_low ? source : destination;
  const End& high = out.source_is_low ? destination : source;
  std::memcpy(out.key.low, low.address.octets.data(), 16);
  std::memcpy(out.key.high, high.address.octets.data(), 16);
  out.key.low_port = low.port;
  out.key.high_port = high.port;
  out.key.endpoint = endpoint;
  for (size_t i = 0; i < packet.vlan_count && i < 2; ++i) out.key.vlans[i] = packet.vlan_ids[i];
  out.key.family = source.address.family;
  out.key.protocol = protocol;
  out.key.tunnel = packet.tunnel;
  out.key.leg = leg_of(toward, out.source_is_low);
  return out;
}

Keyed key_of(uint16_t endpoint, wire::Toward toward, const wire::Packet& packet) {
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  if (packet.protocol == IPPROTO_TCP || packet.protocol == IPPROTO_UDP || is_echo(packet)) {
    source_port = packet.source_port;
    destination_port = packet.destination_port;
  } else if (is_icmp(packet.protocol)) {
    // Unequal on the two ends, so that the opposite direction is another key; the protocol number
    // leaves no clash with echo, whose identifier is the same on both.
    source_port = 1;
  }
  return make_key(endpoint, toward, packet, {packet.source, source_port},
                  {packet.destination, destination_port}, packet.protocol);
}

}  // namespace vethwall::flow
