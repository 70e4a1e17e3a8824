#include "engine/shard.h"

namespace vethwall::engine {

// Of a tunnel both directions of what it carries, which may choose ports of their own for each
// inner flow (RFC 7348 §5), are judged in one place.
uint32_t Shard::owner_of(const Arrival& arrival) const {
  const wire::Packet& packet = arrival.packet;
  const wire::Spread& spread = relay_->spread();
  if (packet.vlan_count > 1) return spread.of(packet);
  if (is_tunnel(packet)) return spread.of(packet.source, 0, packet.destination, 0);
  wire::Quoted quoted = {};
  const bool is_about_tunnel =
      limits_.tunnel_depth > 0 && wire::decode_quoted(arrival.frame, packet, quoted) &&
      wire::tunnel_kind(limits_.tunnel_ports, quoted.protocol, quoted.destination_port) !=
          wire::TunnelKind::kNone;
  return is_about_tunnel ? spread.of(quoted.source, 0, quoted.destination, 0)
                         : spread.of(arrival.frame, packet);
}

// True where the packet is another shard's, and is there now.
bool Shard::relays(const Arrival& arrival) {
  const uint32_t owner = owner_of(arrival);
  if (owner == relay_->own_shard()) return false;
  if (arrival.fragments.empty()) relay_->pass(owner, arrival.vnet, arrival.frame);
  for (const wire::HeldFrame& fragment : arrival.fragments)
    relay_->pass(owner, fragment.vnet, fragment.frame);
  return true;
}

}  // namespace vethwall::engine
