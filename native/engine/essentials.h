// The written list of what passes without a judgement (design §5, "Essentials").
#pragma once
#include "engine/engine.h"
#include "wire/marker.h"
#include "wire/packet.h"

namespace vethwall::engine {

inline constexpr uint16_t kEtherTypeArp = 0x0806;

// Strict endpoints have the source checks that the RFCs ask of a receiver, and none speaks as
// router or DHCP server. What a pod says of itself is for sources.h.
bool is_essential(const wire::Packet& packet, wire::Toward toward, const EndpointConfig& endpoint);
// An answer of a DHCP server that is not one of the configured.
bool is_refused_dhcp(const wire::Packet& packet, wire::Toward toward,
                     const EndpointConfig& endpoint);
// RFC 1191 fragmentation needed, RFC 8201 packet too big: essential where they quote a live flow.
bool is_path_mtu_error(const wire::Packet& packet);

}  // namespace vethwall::engine
