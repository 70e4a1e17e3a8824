// Whether a pod is who it says: its frames against the addresses that are its own.
#pragma once
#include <algorithm>
#include <optional>

#include "engine/engine.h"
#include "wire/neighbour.h"

namespace vethwall::engine {

// Both lists are sorted.
inline bool is_among(const std::vector<wire::Address>& addresses, const wire::Address& address) {
  return std::binary_search(addresses.begin(), addresses.end(), address);
}

// What is false in an IP packet from the pod; none where all is true. Neighbour discovery has more
// to say than its source, and in fragments (RFC 6980) it is nobody's.
std::optional<Spoof> spoof_in(const EndpointConfig& endpoint, wire::Frame frame,
                              const wire::Packet& packet, bool is_reassembled);
// RFC 826, RFC 5227: the pod asks and answers for itself, or probes for an address from none.
bool is_own_arp(const EndpointConfig& endpoint, const wire::Arp& arp);
// RFC 5227 §2.4: somebody else uses the pod's address.
bool is_arp_conflict(const EndpointConfig& endpoint, const wire::Arp& arp);

}  // namespace vethwall::engine
