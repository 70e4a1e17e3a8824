// Frames that the engine sends in the name of an end: refusals are told, never left to time out.
#include <netinet/in.h>

#include "engine/shard.h"
#include "engine/tcp_flags.h"

namespace vethwall::engine {

void Shard::cut(Flow& flow, uint32_t rule) {
  if (!flow.tap && !flow.is_closed) {
    if (flow.bypass != flow::Bypass::kNone)
      probe_both(flow);
    else if (flow.protocol() == IPPROTO_TCP)
      reset_both(flow);
    else
      prohibit_held(flow);
  }
  deny(flow, rule);
}

// Either end hears what the other would have said: the RST's sequence number is exactly what it
// expects next, else it would only answer with a challenge ACK (RFC 5961 §3.2).
wire::Built Shard::reset_toward(const Flow& flow, Dir dir) const {
  const flow::TcpHalf& half = flow.tcp[index_of(dir)];
  const flow::TcpHalf& back = flow.tcp[index_of(opposite(dir))];
  const bool along = dir == Dir::kOrig;
  wire::TcpFields fields = {};
  fields.source_port = along ? flow.source_port : flow.destination_port;
  fields.destination_port = along ? flow.destination_port : flow.source_port;
  fields.sequence = half.known ? half.sequence_of(half.sent) : 0;
  fields.acknowledgement = back.known ? back.sequence_of(back.sent) : 0;
  fields.flags = back.known ? kRst | kAck : kRst;
  return wire::build_tcp(flow.along(dir), fields, {});
}

void Shard::reset_both(const Flow& flow) {
  if (flow.is_inner()) {
    ++count(Counter::kTunnelUnanswered);
    return;
  }
  for (const Dir dir : {Dir::kReply, Dir::kOrig}) {
    emit(reset_toward(flow, dir));
    ++count(Counter::kResetsSent);
  }
}

// RFC 9293 §3.10.7.1: how a host without such a connection answers.
void Shard::reset_sender(const Arrival& arrival) {
  const wire::Packet& packet = arrival.packet;
  if ((packet.tcp_flags & kRst) != 0) return;
  if (packet.tunnel != 0) {
    ++count(Counter::kTunnelUnanswered);
    return;
  }
  wire::TcpFields fields = {};
  fields.source_port = packet.destination_port;
  fields.destination_port = packet.source_port;
  if ((packet.tcp_flags & kAck) != 0) {
    fields.sequence = packet.acknowledgement;
    fields.flags = kRst;
  } else {
    const uint32_t counted =
        ((packet.tcp_flags & kSyn) != 0 ? 1u : 0u) + ((packet.tcp_flags & kFin) != 0 ? 1u : 0u);
    fields.acknowledgement = packet.sequence + packet.payload_octets + counted;
    fields.flags = kRst | kAck;
  }
  emit(wire::build_tcp(wire::reversed(wire::template_of(arrival.frame, packet)), fields, {}));
  ++count(Counter::kResetsSent);
}

void Shard::prohibit(wire::Frame frame, const wire::Packet& packet) {
  if (flow::is_icmp(packet.protocol)) return;
  if (packet.tunnel != 0) {
    ++count(Counter::kTunnelUnanswered);
    return;
  }
  const wire::Built built = wire::build_prohibited(frame, packet);
  if (built.frame.empty() || !icmp_tokens_.take(now_ns_)) return;
  emit(built);
  ++count(Counter::kIcmpSent);
}

// One error per direction is enough: it is about the flow.
void Shard::prohibit_held(const Flow& flow) {
  if (flow.inspection == nullptr) return;
  for (const HalfInspection& half : flow.inspection->half)
    if (!half.held.empty()) prohibit(half.held.frames()[0].frame, half.held.frames()[0].packet);
}

}  // namespace vethwall::engine
