// TCP as its receiver sees it, from copies: nothing is held, nothing is dropped.
#include <algorithm>
#include <utility>

#include "engine/shard.h"
#include "engine/tcp_flags.h"

namespace vethwall::engine {

void Shard::observe_tcp(Flow& flow, Dir dir, const Arrival& arrival) {
  const wire::Packet& packet = arrival.packet;
  const bool has_syn = (packet.tcp_flags & kSyn) != 0;
  if (has_syn) take_syn(flow, dir, arrival);
  if (flow.inspection == nullptr) {
    follow(flow, dir, arrival);
    return let_pass(flow, arrival);
  }
  if (has_syn && (packet.tcp_flags & kAck) != 0) take_syn_octets(flow, opposite(dir), packet);
  const bool is_acknowledging = echoes_syn_ack(flow, dir, arrival);
  if (!is_acceptable(flow, dir, arrival) || !is_acknowledging) {
    ++count(Counter::kUnacceptable);
    // Linux before 6.7 takes what has options that can't be read.
    const bool is_readable = are_readable(flow, flow::read_options(arrival.frame, packet));
    if (!is_readable || !is_acknowledging || is_predicted(flow, dir, arrival))
      keep_doubtful(flow, dir, arrival);
    return;
  }
  const flow::TcpHalf& half = flow.tcp[index_of(dir)];
  // RFC 9293 §3.10.7.4: a SYN within a connection is answered, and nothing else of it is taken.
  if (has_syn && packet.sequence + 1 != half.base) return keep_syn_octets(flow, dir, arrival);
  const bool is_reset = (packet.tcp_flags & kRst) != 0;
  if (!half.known && flow.start == Start::kSyn && !is_reset) return;
  if (!is_reset) note_accepted(flow, dir, arrival);
  follow(flow, dir, arrival);
  if ((packet.tcp_flags & kUrg) != 0) ++count(Counter::kUrgentSeen);
  if (has_syn) return keep_syn_octets(flow, dir, arrival);
  const Segment segment = segment_of(flow, dir, packet);
  if (!is_reset && (segment.to > segment.from || segment.fin))
    observe_segment(flow, segment, arrival);
  find_lost(flow, opposite(dir));
  close_when_read(flow);
}

// A FIN that waits is no end yet: longer octets may take its place.
void Shard::close_when_read(Flow& flow) {
  for (size_t i = 0; i < 2; ++i) {
    const HalfInspection& half = flow.inspection->half[i];
    if (half.next == flow::kWholeDirection) continue;
    flow.tcp[i].fin_at = half.fin_at <= half.next ? half.fin_at : flow::kNowhere;
  }
  close_when_acknowledged(flow);
}

void Shard::observe_segment(Flow& flow, const Segment& segment, const Arrival& arrival) {
  const flow::TcpHalf& tcp = flow.tcp[index_of(segment.dir)];
  if (segment.to < 0 || (segment.to == 0 && !segment.fin)) return;
  const auto to = static_cast<uint64_t>(segment.to);
  if (tcp.has_edge && segment.from > static_cast<int64_t>(tcp.edge)) {
    ++count(Counter::kOutOfWindow);
    return;
  }
  const auto before = static_cast<uint64_t>(std::max<int64_t>(0, -segment.from));
  observe_octets(flow, segment.dir, to - (arrival.packet.payload_octets - before),
                 arrival.payload().subspan(before), segment.fin);
}

// A FIN is where the stream ends once it is next, not before: until then another segment may take
// its place.
void Shard::observe_octets(Flow& flow, Dir dir, uint64_t at, std::span<const uint8_t> octets,
                           bool fin) {
  HalfInspection& half = flow.inspection->half[index_of(dir)];
  // Where their receiver took those, an acknowledgement of both does not tell them apart.
  if (!half.doubtful.agrees(at, octets)) ++count(Counter::kContradiction);
  if (at <= half.next && !half.doubts_end()) {
    take_in_sequence(half, at, octets);
    if (fin && at + octets.size() == half.next) end_stream(half);
    advance(half);
  } else if (half.fin_at > half.next && (!octets.empty() || fin)) {
    // Which of them is read depends on what Linux had room to merge.
    if (!half.held.agrees(at, octets)) ++count(Counter::kContradiction);
    flow::Held copy = passed_copy(at, octets, fin);
    if (flow.tap) half.doubtful_end = std::min(half.doubtful_end, half.held.doubtful_end(copy));
    half.held.insert_as_receiver(std::move(copy));
    if (half.held.payload_octets() > limits_.out_of_order_octets || half.held.is_long()) {
      ++count(Counter::kOutOfOrderLimit);
      half.doubtful_end = flow::kNowhere;
      gap(flow, dir, half.held.frames().front().from, GapCause::kOutOfOrderLimit);
      advance(half);
    }
  }
  deliver(flow, dir);
}

// Linux keeps a FIN whose segment it had merged with what waited before it
// (tcp_ooo_try_coalesce()), as its driver's buffers allow it, else the octets that cover it. What
// it merged behind it, its tcp_recvmsg() reads as if the FIN had no number.
void Shard::find_end(Flow& flow, Dir dir) {
  HalfInspection& half = flow.inspection->half[index_of(dir)];
  const uint64_t acked = flow.tcp[index_of(dir)].acked;
  if (!half.doubts_end() || acked <= half.next) return;
  half.doubtful_end = flow::kNowhere;
  const uint64_t fin_at = half.next;
  const std::vector<uint8_t> behind = half.held.behind_fin(fin_at, acked);
  take_in_sequence(half, fin_at, behind);
  if (acked == fin_at + 1 || !behind.empty())
    end_stream(half);
  else
    half.held.forget_fin(fin_at);
  advance(half);
  deliver(flow, dir);
}

// What the receiver acknowledges it has: a hole before that is the capture's.
void Shard::find_lost(Flow& flow, Dir dir) {
  HalfInspection& half = flow.inspection->half[index_of(dir)];
  find_end(flow, dir);
  const uint64_t acked = flow.tcp[index_of(dir)].acked;
  if (acked <= half.next || half.fin_at <= half.next) return;
  for (const flow::Held& one : half.doubtful.frames())
    if (one.end() <= acked)
      half.held.insert_as_receiver(passed_copy(one.from, one.payload(), one.fin));
  half.doubtful.erase_begun_before(acked);
  advance(half);
  deliver(flow, dir);
  if (half.held.empty() || acked <= half.next) return;
  gap(flow, dir, std::min(acked, half.held.frames().front().from), GapCause::kLost);
  deliver(flow, dir);
}

// A receiver that resets has told nothing of what it took last.
void Shard::lose_doubtful(Flow& flow) {
  for (const Dir dir : {Dir::kOrig, Dir::kReply}) {
    if (flow.inspection == nullptr) return;
    const HalfInspection& half = flow.inspection->half[index_of(dir)];
    if (!half.doubtful.empty())
      gap(flow, dir, half.doubtful.frames().back().end(), GapCause::kLost);
  }
}

}  // namespace vethwall::engine
