#include "engine/shard.h"

namespace vethwall::engine {

// True where the packet is another shard's, and is there now.
bool Shard::relays(const Arrival& arrival) {
  const uint32_t owner = relay_->spread().of(arrival.frame, arrival.packet);
  if (owner == relay_->own_shard()) return false;
  if (arrival.fragments.empty()) relay_->pass(owner, arrival.vnet, arrival.frame);
  for (const wire::HeldFrame& fragment : arrival.fragments)
    relay_->pass(owner, fragment.vnet, fragment.frame);
  return true;
}

}  // namespace vethwall::engine
