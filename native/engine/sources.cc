#include "engine/sources.h"

namespace vethwall::engine {
namespace {

bool is_unspecified(const wire::Address& address) {
  return std::ranges::all_of(address.octets, [](uint8_t octet) { return octet == 0; });
}

// RFC 4861 §4.1, §4.3, §4.4: whoever solicits without an address tells no link-layer address
// either.
bool is_own_neighbor(const EndpointConfig& endpoint, wire::Frame frame,
                     const wire::Packet& packet) {
  if (packet.icmp_type == wire::kRouterAdvertisement || packet.icmp_type == wire::kRedirect)
    return false;
  wire::Neighbor message;
  if (!wire::decode_neighbor(frame, packet, message)) return false;
  if (message.has_link_layer && message.link_layer != endpoint.mac) return false;
  if (is_unspecified(packet.source))
    return packet.icmp_type != wire::kNeighborAdvertisement && !message.has_link_layer;
  if (!is_among(endpoint.addresses, packet.source)) return false;
  return packet.icmp_type != wire::kNeighborAdvertisement ||
         is_among(endpoint.addresses, message.target);
}

}  // namespace

std::optional<Spoof> spoof_in(const EndpointConfig& endpoint, wire::Frame frame,
                              const wire::Packet& packet, bool is_reassembled) {
  if (wire::is_neighbor_discovery(packet)) {
    const bool is_own = !is_reassembled && is_own_neighbor(endpoint, frame, packet);
    return is_own ? std::nullopt : std::optional(Spoof::kNd);
  }
  // decode() leaves the unspecified address to those that may have it: DHCP, IGMP, MLD.
  if (is_unspecified(packet.source) || is_among(endpoint.addresses, packet.source))
    return std::nullopt;
  return Spoof::kIp;
}

bool is_own_arp(const EndpointConfig& endpoint, const wire::Arp& arp) {
  if (arp.sender_mac != endpoint.mac) return false;
  if (arp.operation != wire::kArpRequest && arp.operation != wire::kArpReply) return false;
  if (is_unspecified(arp.sender)) return arp.operation == wire::kArpRequest;
  return is_among(endpoint.addresses, arp.sender);
}

bool is_arp_conflict(const EndpointConfig& endpoint, const wire::Arp& arp) {
  return arp.sender_mac != endpoint.mac && is_among(endpoint.addresses, arp.sender);
}

}  // namespace vethwall::engine
