// UDP, ICMP and every protocol without connections: one judgement per flow, or per datagram.
#include <cstring>

#include "engine/shard.h"
#include "engine/tcp_flags.h"

namespace vethwall::engine {

void Shard::datagram(const Arrival& arrival) {
  const flow::Keyed keyed = flow::key_of(arrival.endpoint.id, arrival.toward, arrival.packet);
  Flow* flow = in_force(table_.find(keyed.key));
  if (flow == nullptr) flow = &open_datagram(arrival, keyed);
  const Dir dir = flow->dir_of(keyed.source_is_low);
  tally(*flow, dir, arrival);
  handle_datagram(*flow, dir, arrival);
  settle_after(*flow);
}

Shard::Flow& Shard::open_datagram(const Arrival& arrival, const flow::Keyed& keyed) {
  Opening opening = {};
  opening.key = keyed.key;
  opening.source_is_low = keyed.source_is_low;
  opening.toward = arrival.toward;
  opening.along_orig = wire::template_of(arrival.frame, arrival.packet);
  opening.source_port = arrival.packet.source_port;
  opening.destination_port = arrival.packet.destination_port;
  opening.start = Start::kDatagram;
  opening.tunnel = arrival.tunnel;
  return open(opening, arrival.endpoint);
}

void Shard::handle_datagram(Flow& flow, Dir dir, const Arrival& arrival) {
  if (flow.stance == flow::Stance::kDenied && !flow.tap) {
    ++count(Counter::kDeniedFrames);
    report_closed(flow, Closed::kDenied);
    return prohibit(arrival.frame, arrival.packet);
  }
  if (flow.inspection == nullptr) return forward_of(flow, arrival);
  // Several datagrams that nobody can tell apart any more.
  if (wire::is_udp_of_unknown_size(arrival.vnet)) return malformed(arrival);
  const uint32_t datagrams = wire::udp_datagrams(arrival.vnet, arrival.packet);
  if (datagrams == 1) return inspect_datagram(flow, dir, arrival);
  // UDP segmentation offload: what crossed as one frame is judged as the datagrams it stands for.
  for (uint32_t i = 0; i < datagrams; ++i) {
    const wire::Built part = wire::cut_udp(arrival.frame, arrival.vnet, arrival.packet, i);
    wire::Ticket none;
    Arrival one{arrival.endpoint, arrival.toward, part.vnet, part.frame, {}, {}, none};
    if (wire::decode(part.frame, part.vnet, one.packet) != wire::Malformed::kOk)
      return malformed(one);
    if (flow.inspection == nullptr) return handle_datagram(flow, dir, one);
    inspect_datagram(flow, dir, one);
  }
}

void Shard::inspect_datagram(Flow& flow, Dir dir, const Arrival& arrival) {
  HalfInspection& half = flow.inspection->half[index_of(dir)];
  const uint64_t index = half.next;
  if (flow.tap || index < half.released) {
    ++half.next;
    forward(arrival);
    deliver_datagram(flow, dir, arrival, index, false);
    return;
  }
  if (!budget_.has(sizeof(flow::Held) + arrival.frame.size())) {
    end_hold(flow, dir, HoldCause::kMemory);
    return handle_datagram(flow, dir, arrival);
  }
  if (!has_room(half, arrival)) {
    ++count(Counter::kHoldFull);
    return;
  }
  ++half.next;
  half.held.insert(held_from(arrival, index, index + 1));
  deliver_datagram(flow, dir, arrival, index, true);
}

void Shard::deliver_datagram(Flow& flow, Dir dir, const Arrival& arrival, uint64_t index,
                             bool held) {
  HalfInspection& half = flow.inspection->half[index_of(dir)];
  half.delivered = index + 1;
  if (!wants_octets(flow) || (index >= half.skip.from && index < half.skip.to)) return;
  const std::span<const uint8_t> payload = arrival.payload();
  uint8_t* place =
      events_.octets(flow, dir, index, static_cast<uint32_t>(payload.size()), false, held);
  if (place == nullptr) {
    flow.event_lost = true;
    return;
  }
  if (!payload.empty()) std::memcpy(place, payload.data(), payload.size());
  events_.publish();
}

void Shard::flush_datagrams(Flow& flow, Dir dir) {
  HalfInspection& half = flow.inspection->half[index_of(dir)];
  size_t gone = 0;
  for (; gone < half.held.frames().size(); ++gone) {
    flow::Held& held = half.held.leaving(gone);
    if (held.to > half.released) break;
    const EndpointConfig* config = endpoint(flow.endpoint());
    const bool is_inline = config != nullptr && config->path == EndpointPath::kInline;
    if (is_inline && is_tunnel(held.packet))
      defer(flow, dir, held);
    else
      emit(held);
  }
  half.held.erase_front(gone);
  if (gone > 0) holds_.remove(flow);
}

}  // namespace vethwall::engine
