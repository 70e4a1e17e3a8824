// TCP flows that a u32 filter each may carry, in kernels without a flow map: told once they have
// carried enough to pay for one. Such a filter knows addresses and ports, and no connection.
#include <netinet/in.h>

#include "engine/shard.h"
#include "engine/tcp_flags.h"

namespace vethwall::engine {
namespace {

// Installing and removing one takes some netlink requests, and a listing every second.
constexpr uint32_t kBigOctets = 4u << 20;

}  // namespace

bool Shard::has_filters(const Flow& flow, const Arrival& arrival) const {
  return carrier_ == nullptr && epoch_of(flow) != 0 && !arrival.ticket;
}

// Datagrams tell neither their end nor what was missed of them, and a burst of them may not be
// overtaken.
void Shard::look_for_big(Flow& flow, const Arrival& arrival) {
  if (flow.protocol() != IPPROTO_TCP || flow.key.vlans[0] != 0 || !is_settled(flow)) return;
  flow.settled_octets += static_cast<uint32_t>(arrival.frame.size());
  if (flow.settled_octets < kBigOctets) return;
  flow.settled_octets = 0;
  if (events_.big(flow, epoch_of(flow))) flow.bypass = flow::Bypass::kFilter;
}

// A connection that begins on the same ports would have its octets carried, unread, by the filter
// of the one before. Its SYN is dropped, and comes again.
bool Shard::waits_for_recall(const Flow& flow, const Arrival& arrival) {
  if (flow.bypass != flow::Bypass::kFilter || !arrival.is_inline() ||
      (arrival.packet.tcp_flags & kSyn) == 0)
    return false;
  events_.recall(flow);
  ++count(Counter::kOutOfWindow);
  return true;
}

// What it missed meanwhile stays missed.
void Shard::recalled(Flow& flow) {
  if (flow.bypass == flow::Bypass::kFilter) flow.bypass = flow::Bypass::kMark;
}

}  // namespace vethwall::engine
