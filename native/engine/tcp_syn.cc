#include <algorithm>
#include <utility>

#include "engine/shard.h"
#include "engine/tcp_flags.h"

namespace vethwall::engine {

// Octets of the first SYN are the stream's where its receiver acknowledges them (RFC 7413 §4.2.2);
// those of a later one, or of a SYN-ACK, no Linux takes.
void Shard::syn_payload(Flow& flow, Dir dir, const Arrival& arrival) {
  HalfInspection& half = flow.inspection->half[index_of(dir)];
  const std::span<const uint8_t> payload = arrival.payload();
  const bool is_first = (arrival.packet.tcp_flags & kAck) == 0 && dir == Dir::kOrig &&
                        !flow.tcp[index_of(opposite(dir))].known;
  if (is_first && flow.stance != flow::Stance::kUndecided) {
    keep_syn_octets(flow, dir, arrival);
    return forward_clean(arrival);
  }
  // It goes on bare; the opener sends its octets again once the SYN-ACK does not acknowledge them.
  if (is_first) {
    const Segment segment = segment_of(flow, dir, arrival.packet);
    if (!accepts(flow, segment, arrival)) return;
    take_in_sequence(half, 0, payload);
    half.high = std::max(half.high, static_cast<uint64_t>(payload.size()));
    half.bare_to = std::max(half.bare_to, static_cast<uint16_t>(payload.size()));
  }
  wire::Built bare = wire::cut_tcp(arrival.frame, arrival.vnet, arrival.packet, 0, 0);
  clear_urgent(bare.frame, bare.vnet, arrival.packet);
  emit(bare);
  if (is_first) deliver(flow, dir);
}

void Shard::keep_syn_octets(Flow& flow, Dir dir, const Arrival& arrival) {
  const std::span<const uint8_t> payload = arrival.payload();
  if ((arrival.packet.tcp_flags & kAck) != 0) return;
  flow.inspection->half[index_of(dir)].syn_octets.assign(payload);
}

void Shard::take_syn_octets(Flow& flow, Dir dir, const wire::Packet& answer) {
  flow::TcpHalf& tcp = flow.tcp[index_of(dir)];
  HalfInspection& half = flow.inspection->half[index_of(dir)];
  const flow::RareOctets octets = std::exchange(half.syn_octets, {});
  const int64_t taken = tcp.offset_of(answer.acknowledgement);
  if (octets.empty() || taken <= 0 || taken > static_cast<int64_t>(octets.size())) return;
  tcp.send_to(static_cast<uint64_t>(taken), false);
  take_in_sequence(half, 0, octets.all().first(static_cast<size_t>(taken)));
  half.high = std::max(half.high, half.next);
  half.is_embryonic = true;
  advance(half);
  deliver(flow, dir);
}

flow::PendingSyn Shard::pending_syn_of(Dir dir, const Arrival& arrival) {
  const wire::Packet& packet = arrival.packet;
  return {true, dir, packet.sequence, flow::read_syn_options(arrival.frame, packet), packet.window};
}

// False where the frame may not go on as a SYN of this flow (it was answered or dropped).
bool Shard::take_syn(Flow& flow, Dir dir, const Arrival& arrival) {
  const wire::Packet& packet = arrival.packet;
  flow::TcpHalf& half = flow.tcp[index_of(dir)];
  const uint32_t base = packet.sequence + 1;
  const bool is_answer = (packet.tcp_flags & kAck) != 0;
  const bool is_untouched = half.sent == 0 && half.acked == 0 && !half.has_edge;
  // Nothing of this direction went on yet: the latest SYN says where it begins. The opener's own
  // numbers are fixed by the SYN that opened the flow.
  if (!half.known || (is_untouched && dir == Dir::kReply && is_answer)) {
    half.start(base);
    half.options = flow::read_syn_options(arrival.frame, packet);
    return true;
  }
  if (base == half.base) {
    // A receiver that was reset since, in a way that nobody else noticed, takes it for a new one.
    const bool is_established = half.has_edge && flow.tcp[index_of(opposite(dir))].has_edge;
    if (dir == Dir::kOrig && !is_answer && is_established)
      flow.pending_syn = pending_syn_of(dir, arrival);
    return true;
  }
  if (is_answer) {
    if (flow.inspection == nullptr) return true;
    ++count(Counter::kOutOfWindow);
    return flow.tap;
  }
  return later_syn(flow, dir, arrival);
}

bool Shard::later_syn(Flow& flow, Dir dir, const Arrival& arrival) {
  if (flow.tap) {
    flow.pending_syn = pending_syn_of(dir, arrival);
    return true;
  }
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
  flow.pending_syn = pending_syn_of(dir, arrival);
  forward_clean(arrival);
  return false;
}

}  // namespace vethwall::engine
