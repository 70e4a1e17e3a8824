// A denied TCP opener hears the protocol's own refusal and a FIN, as if its receiver had closed.
#include <algorithm>

#include "engine/shard.h"
#include "engine/tcp_flags.h"

namespace vethwall::engine {
namespace {

// RFC 1122 §4.2.3.5 asks for three retransmissions at least before giving up.
constexpr uint32_t kResends = 5;
constexpr uint16_t kWindow = 65535;

// Everything in sequence that the opener sent, held or gone on: it must not send that again.
uint64_t contiguous_end(const flow::Flow& flow) {
  uint64_t end = flow.tcp[0].sent;
  for (const flow::Held& held : flow.inspection->half[0].held.frames())
    if (!held.passed && held.from <= end) end = std::max(end, held.to + (held.fin ? 1 : 0));
  return end;
}

// Only behind replies that have arrived whole: the reset that their sender gets ends its
// retransmissions, and nothing can be said behind its FIN.
bool is_reply_at_rest(const flow::Flow& flow) {
  const flow::TcpHalf& reply = flow.tcp[1];
  return reply.known && reply.fin_at == flow::kNowhere && reply.acked == reply.sent &&
         flow.inspection != nullptr && !flow.inspection->half[1].held.has_unsent();
}

wire::TcpFields toward_opener(const flow::Flow& flow, uint32_t sequence, uint32_t acknowledgement,
                              uint8_t flags) {
  return {flow.destination_port, flow.source_port, sequence, acknowledgement, flags, kWindow};
}

}  // namespace

void Shard::refuse_tcp(Flow& flow, uint32_t rule, std::span<const uint8_t> octets) {
  const flow::TcpHalf& orig = flow.tcp[0];
  const flow::TcpHalf& reply = flow.tcp[1];
  if (!is_reply_at_rest(flow) || flow.is_inner()) return cut(flow, rule);
  const uint32_t sequence = reply.sequence_of(reply.sent);
  const uint32_t acknowledgement = orig.sequence_of(contiguous_end(flow));
  auto refusal = std::make_unique<flow::Refusal>();
  refusal->frame =
      wire::build_tcp(flow.along(Dir::kReply),
                      toward_opener(flow, sequence, acknowledgement, kFin | kPsh | kAck), octets);
  refusal->sequence_after = sequence + static_cast<uint32_t>(octets.size()) + 1;
  refusal->opener_end = acknowledgement;
  refusal->resends_left = kResends;
  emit(refusal->frame);
  ++count(Counter::kRefusalsSent);
  emit(reset_toward(flow, Dir::kOrig));
  ++count(Counter::kResetsSent);
  flow.refusal = std::move(refusal);
  deny(flow, rule);
}

void Shard::continue_refusal(Flow& flow, Dir dir, const Arrival& arrival) {
  const wire::Packet& packet = arrival.packet;
  if (dir == Dir::kReply) return reset_sender(arrival);
  if ((packet.tcp_flags & (kRst | kSyn)) != 0) return;
  flow::Refusal& refusal = *flow.refusal;
  const uint32_t counted = packet.payload_octets + ((packet.tcp_flags & kFin) != 0 ? 1 : 0);
  const uint32_t end = packet.sequence + counted;
  const bool is_acked = (packet.tcp_flags & kAck) != 0 &&
                        static_cast<int32_t>(packet.acknowledgement - refusal.sequence_after) >= 0;
  // The rest of an upload was sent before the answer could arrive: it says nothing of a loss.
  const bool is_news = counted > 0 && static_cast<int32_t>(end - refusal.opener_end) > 0;
  if (is_news) refusal.opener_end = end;
  if (!is_acked && !is_news) {
    if (refusal.resends_left == 0) return reset_sender(arrival);
    --refusal.resends_left;
    emit(refusal.frame);
    return;
  }
  if (counted == 0) return;
  emit(wire::build_tcp(flow.along(Dir::kReply),
                       toward_opener(flow, refusal.sequence_after, end, kAck), {}));
}

}  // namespace vethwall::engine
