#include "engine/essentials.h"
#include "engine/shard.h"
#include "engine/tcp_flags.h"

namespace vethwall::engine {

// True where the message was an error about a live flow, whose verdict it shares.
bool Shard::icmp_error(const Arrival& arrival) {
  wire::Quoted quoted = {};
  if (!wire::decode_quoted(arrival.frame, arrival.packet, quoted)) return false;
  // It goes to who sent what it quotes; anything else is not about a flow that crossed here.
  if (!(quoted.source == arrival.packet.destination)) return false;
  const wire::Toward sent = arrival.toward == wire::Toward::kUnknown ? wire::Toward::kUnknown
                            : arrival.toward == wire::Toward::kPod   ? wire::Toward::kNetwork
                                                                     : wire::Toward::kPod;
  const flow::Keyed keyed =
      flow::make_key(arrival.endpoint.id, sent, arrival.packet, {quoted.source, quoted.source_port},
                     {quoted.destination, quoted.destination_port}, quoted.protocol);
  const Flow* flow = in_force(table_.find(keyed.key));
  if (flow == nullptr) return false;
  if (flow->stance == flow::Stance::kDenied) {
    ++count(Counter::kDeniedFrames);
    return true;
  }
  if (is_path_mtu_error(arrival.packet)) ++count(Counter::kEssential);
  forward(arrival);
  return true;
}

}  // namespace vethwall::engine
