// What ARP and IPv6 neighbour discovery say of who has which address.
#pragma once
#include "wire/packet.h"

namespace vethwall::wire {

using Mac = std::array<uint8_t, 6>;

inline constexpr uint16_t kArpRequest = 1, kArpReply = 2;

struct Arp {
  uint16_t operation = 0;
  Mac sender_mac = {};
  Address sender;
  Address target;
};
// RFC 826 for Ethernet and IPv4. False where it is cut short or is about other addresses.
bool decode_arp(Frame frame, const Packet& packet, Arp& out);

// RFC 4861 §4.
inline constexpr uint8_t kRouterSolicitation = 133, kRouterAdvertisement = 134,
                         kNeighborSolicitation = 135, kNeighborAdvertisement = 136, kRedirect = 137;

struct Neighbor {
  Address target;  // of neighbour solicitation and advertisement
  bool has_link_layer = false;
  Mac link_layer = {};  // of the source or target link-layer address option
};
bool is_neighbor_discovery(const Packet& packet);
// `packet` is neighbour discovery. False where an option is cut short or empty (RFC 4861 §6.1,
// §7.1), or where two options tell link-layer addresses: a receiver could take either.
bool decode_neighbor(Frame frame, const Packet& packet, Neighbor& out);

}  // namespace vethwall::wire
