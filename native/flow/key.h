// What makes two frames the same flow: endpoint, VLAN tags, tunnel, protocol and both ends, the
// same from either direction.
#pragma once
#include <array>
#include <bit>
#include <cstdint>

#include "wire/marker.h"
#include "wire/packet.h"

namespace vethwall::flow {

// One end of a tuple.
struct End {
  wire::Address address;
  uint16_t port;  // host order
};

// No padding: hashed and compared as octets.
struct Key {
  uint8_t low[16];
  uint8_t high[16];
  uint16_t low_port;
  uint16_t high_port;
  uint16_t endpoint;
  uint16_t vlans[2];
  uint8_t family;
  uint8_t protocol;
  // Which way the lower end's frames cross the endpoint: a frame that claims the pod's own tuple
  // but comes from the network is another flow, judged for itself.
  uint8_t leg;
  uint8_t zero[3];
  uint32_t tunnel;  // which one it came out of; 0 = none

  // Word by word, in place: of so many octets memcmp() is a call, for each frame.
  friend bool operator==(const Key& a, const Key& b) {
    using Words = std::array<uint32_t, 13>;
    const auto of_a = std::bit_cast<Words>(a);
    const auto of_b = std::bit_cast<Words>(b);
    uint32_t differing = 0;
    for (size_t i = 0; i < of_a.size(); ++i) differing |= of_a[i] ^ of_b[i];
    return differing == 0;
  }
};
static_assert(sizeof(Key) == 52);

struct Keyed {
  Key key;
  bool source_is_low;
};

Keyed make_key(uint16_t endpoint, wire::Toward toward, const wire::Packet& packet,
               const End& source, const End& destination, uint8_t protocol);
// Of the packet itself: TCP, UDP and ICMP echo by ports; other ICMP and other protocols by
// addresses, ICMP per direction, since no message of it is another's reply.
Keyed key_of(uint16_t endpoint, wire::Toward toward, const wire::Packet& packet);
bool is_icmp(uint8_t protocol);
bool is_echo(const wire::Packet& packet);

}  // namespace vethwall::flow
