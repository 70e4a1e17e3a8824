// Flows that the kernel's flow map carries: their counts, and their end.
#include "engine/shard.h"

namespace vethwall::engine {

CarriedFlow carried_flow(const flow::Flow& flow) {
  const bool is_opener = flow.pod_side == PodSide::kOpener;
  return {flow.endpoint(),
          flow.protocol(),
          is_opener ? flow.source() : flow.destination(),
          is_opener ? flow.destination() : flow.source(),
          is_opener ? flow.source_port : flow.destination_port,
          is_opener ? flow.destination_port : flow.source_port};
}

CarriedCounts Shard::carried(Flow& flow) {
  if (flow.bypass != flow::Bypass::kCarry || carrier_ == nullptr) return {};
  const CarriedCounts counts = carrier_->read(carried_flow(flow));
  flow.carried_packets = static_cast<uint32_t>(counts.packets[0] + counts.packets[1]);
  return counts;
}

bool Shard::has_moved(Flow& flow) {
  const uint32_t before = flow.carried_packets;
  carried(flow);
  return flow.carried_packets != before;
}

void Shard::stop_carrying(const Flow& flow) {
  if (flow.bypass == flow::Bypass::kCarry && carrier_ != nullptr)
    carrier_->forget(carried_flow(flow));
}

// A reset may be forged, so that its flow is carried on until nothing moves any more: who closed it
// is told at once.
void Shard::note_end(const Arrival& arrival) {
  Arrival copy{arrival.endpoint, arrival.toward, arrival.vnet, arrival.frame, {}, {},
               arrival.ticket};
  if (wire::decode(copy.frame, copy.vnet, copy.packet) != wire::Malformed::kOk) return;
  const flow::Keyed keyed = flow::key_of(copy.endpoint.id, copy.toward, copy.packet);
  Flow* flow = in_force(table_.find(keyed.key));
  if (flow == nullptr || flow->bypass != flow::Bypass::kCarry) return;
  follow_bypassed(*flow, flow->dir_of(keyed.source_is_low), copy);
  settle_after(*flow);
}

}  // namespace vethwall::engine
