// Frames that claim to be another's: dropped in protect, counted for the endpoint and told to the
// daemon once a tick, so that a flood of them costs one record.
#include <utility>

#include "engine/essentials.h"
#include "engine/shard.h"
#include "engine/sources.h"

namespace vethwall::engine {

bool Shard::checks_source(const Arrival& arrival) const {
  const EndpointConfig& endpoint = arrival.endpoint;
  // Who sends within a tunnel has other addresses than the pod.
  return endpoint.strict && endpoint.check_sources && arrival.depth == 0 &&
         arrival.toward == wire::Toward::kNetwork;
}

bool Shard::refuses_source(const Arrival& arrival) {
  if (!checks_source(arrival)) return false;
  const std::optional<Spoof> spoof =
      spoof_in(arrival.endpoint, arrival.frame, arrival.packet, !arrival.fragments.empty());
  if (spoof) spoofed(arrival.endpoint.id, *spoof);
  return spoof.has_value();
}

void Shard::spoofed(uint16_t id, Spoof spoof) {
  constexpr std::array kCounters = {Counter::kSpoofedIp, Counter::kSpoofedArp, Counter::kSpoofedNd};
  const auto at = static_cast<size_t>(spoof);
  ++count(kCounters[at]);
  auto& pending = endpoints_[id].spoofed;
  if (pending == SpoofCounts{}) spoofers_.push_back(id);
  ++pending[at];
}

// What the ring has no room for waits: it is only a number.
void Shard::report_spoofed() {
  std::erase_if(spoofers_, [&](uint16_t id) {
    auto& pending = endpoints_[id].spoofed;
    for (size_t i = 0; i < pending.size(); ++i)
      if (pending[i] > 0 && events_.spoofed(id, static_cast<Spoof>(i), pending[i])) pending[i] = 0;
    return pending == SpoofCounts{};
  });
}

void Shard::arp(const Arrival& arrival) {
  const EndpointConfig& endpoint = arrival.endpoint;
  wire::Arp arp;
  const bool is_whole = wire::decode_arp(arrival.frame, arrival.packet, arp);
  if (checks_source(arrival)) {
    if (!is_whole || !is_own_arp(endpoint, arp)) return spoofed(endpoint.id, Spoof::kArp);
  } else if (endpoint.strict && arrival.depth == 0) {
    if (!is_whole) return malformed(arrival);
    if (arrival.toward == wire::Toward::kPod && is_arp_conflict(endpoint, arp))
      ++count(Counter::kArpConflicts);
  }
  ++count(Counter::kEssential);
  forward(arrival);
}

}  // namespace vethwall::engine
