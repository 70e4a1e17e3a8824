#include "engine/shard.h"
#include "engine/tcp_flags.h"

namespace vethwall::engine {

// False where the frame may not go on as a SYN of this flow (it was answered or dropped).
bool Shard::take_syn(Flow& flow, Dir dir, const Arrival& arrival) {
  const wire::Packet& packet = arrival.packet;
  flow::TcpHalf& half = flow.tcp[index_of(dir)];
  const uint32_t base = packet.sequence + 1;
  const bool is_answer = (packet.tcp_flags & kAck) != 0;
  const bool is_untouched = half.sent == 0 && half.acked == 0;
  // Nothing of this direction went on yet: the latest SYN says where it begins. The opener's own
  // numbers are fixed by the SYN that opened the flow.
  if (!half.known || (is_untouched && dir == Dir::kReply && is_answer)) {
    half.start(base);
    half.options = flow::read_syn_options(arrival.frame, packet);
    return true;
  }
  if (base == half.base) return true;
  if (is_answer) {
    if (flow.inspection == nullptr) return true;
    ++count(Counter::kOutOfWindow);
    return flow.tap;
  }
  return later_syn(flow, dir, arrival);
}

bool Shard::later_syn(Flow& flow, Dir dir, const Arrival& arrival) {
  if (flow.tap) return true;
  // From the other end it would be another connection than the one that was judged.
  const bool is_denied = dir == Dir::kReply && evaluate(flow, true).verdict == L4Verdict::kDeny;
  if (is_denied) {
    ++count(Counter::kDeniedFrames);
    reset_sender(arrival);
    return false;
  }
  // Its payload would be read as the old connection's, or by nobody: it comes again after the
  // handshake (RFC 7413 §4.2).
  if (arrival.packet.payload_octets > 0) {
    ++count(Counter::kOutOfWindow);
    return false;
  }
  flow.pending_syn = {true, dir, arrival.packet.sequence,
                      flow::read_syn_options(arrival.frame, arrival.packet)};
  forward(arrival);
  return false;
}

}  // namespace vethwall::engine
