// The written list of what passes without a judgement (design §5, "Essentials").
#pragma once
#include "wire/marker.h"
#include "wire/packet.h"

namespace vethwall::engine {

inline constexpr uint16_t kEtherTypeArp = 0x0806;

// `strict` adds the source checks that the RFCs ask of a receiver, and keeps a pod from speaking
// as router or DHCP server.
bool is_essential(const wire::Packet& packet, wire::Toward toward, bool strict);
// RFC 1191 fragmentation needed, RFC 8201 packet too big: essential where they quote a live flow.
bool is_path_mtu_error(const wire::Packet& packet);

}  // namespace vethwall::engine
