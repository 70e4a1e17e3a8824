// TCP payload that is judged before it goes on. What keeps a receiver from seeing other octets than
// were judged: each octet is compared with the log until it is acknowledged, whatever order, size
// or number of segments brings it.
#include <algorithm>

#include "engine/shard.h"
#include "engine/tcp_flags.h"

namespace vethwall::engine {
namespace {

// Judged octets in flight, per direction: beyond it a sender waits for acknowledgements.
constexpr uint64_t kLogOctets = 4u << 20;

}  // namespace

void Shard::inspect_tcp(Flow& flow, Dir dir, const Arrival& arrival) {
  const wire::Packet& packet = arrival.packet;
  flow::TcpHalf& half = flow.tcp[index_of(dir)];
  const flow::TcpHalf& other = flow.tcp[index_of(opposite(dir))];
  const bool has_syn = (packet.tcp_flags & kSyn) != 0;
  const bool is_later_syn = has_syn && ((packet.tcp_flags & kAck) != 0 || other.known);
  const bool is_bare_only = is_later_syn || (has_syn && flow.stance == flow::Stance::kUndecided);
  // It would be changed before it goes on, and its tunnel with it. A SYN comes again without.
  const bool has_more = packet.payload_octets > 0 || (packet.tcp_flags & kFin) != 0;
  if (flow.is_inner() && has_more && (is_bare_only || (packet.tcp_flags & kUrg) != 0)) {
    ++count(Counter::kTunnelUnjudged);
    return;
  }
  const bool was_carried = flow.inspection->is_body_carried && is_past_body(flow, dir, packet);
  if (was_carried) end_body(flow);
  if (has_syn && !take_syn(flow, dir, arrival)) return;
  const bool is_reset = (packet.tcp_flags & kRst) != 0;
  if (!half.known && flow.start == Start::kMidstream) half.start(packet.sequence);
  if (has_syn && (packet.tcp_flags & kAck) != 0) take_syn_octets(flow, opposite(dir), packet);
  const bool acks_unsent = (packet.tcp_flags & kAck) != 0 && other.known &&
                           other.acknowledges_unsent(packet.acknowledgement);
  if (!is_acceptable(flow, dir, arrival) || acks_unsent) {
    ++count(Counter::kUnacceptable);
    return;
  }
  if (is_reset) return inspect_reset(flow, dir, arrival);
  // Not the stream's, but maybe what a receiver that forgot an earlier connection says of it.
  if (!half.known) return forward_clean(arrival);
  note_accepted(flow, dir, arrival);
  take_acknowledgement(flow, dir, packet);
  if (has_syn && packet.payload_octets > 0) return syn_payload(flow, dir, arrival);
  const Segment segment = segment_of(flow, dir, packet);
  if (segment.from == segment.to && !segment.fin)
    forward_clean(arrival);
  else
    inspect_segment(flow, segment, arrival);
  close_when_acknowledged(flow);
  // A body without an announced end goes on.
  if (was_carried) carry_body(flow, dir);
}

void Shard::inspect_segment(Flow& flow, const Segment& segment, const Arrival& arrival) {
  HalfInspection& half = flow.inspection->half[index_of(segment.dir)];
  const flow::TcpHalf& tcp = flow.tcp[index_of(segment.dir)];
  const int64_t end = segment.to + (segment.fin ? 1 : 0);
  if (end <= static_cast<int64_t>(tcp.acked)) return forward_clean(arrival);
  if (segment.from < 0) {
    ++count(Counter::kOutOfWindow);
    return;
  }
  if (!accepts(flow, segment, arrival)) return;
  const auto to = static_cast<uint64_t>(segment.to);
  half.high = std::max(half.high, to);
  if (segment.fin) half.fin_at = to;
  const bool was_sent = static_cast<uint64_t>(end) <= tcp.sent;
  if (to <= half.released || was_sent) return pass_segment(flow, segment, arrival);
  hold_segment(flow, segment, arrival);
}

bool Shard::accepts(Flow& flow, const Segment& segment, const Arrival& arrival) {
  const HalfInspection& half = flow.inspection->half[index_of(segment.dir)];
  const flow::TcpHalf& tcp = flow.tcp[index_of(segment.dir)];
  const auto from = static_cast<uint64_t>(segment.from);
  const auto to = static_cast<uint64_t>(segment.to);
  // RFC 9293 §3.8.6.1: a probe of a closed window is one octet beyond it.
  if (tcp.has_edge && to > tcp.edge + 1) {
    ++count(Counter::kOutOfWindow);
    return false;
  }
  const bool moves_end =
      segment.fin && ((half.fin_at != flow::kNowhere && half.fin_at != to) || to < half.high);
  const bool passes_end = half.fin_at != flow::kNowhere && to > half.fin_at;
  if (moves_end || passes_end || !half.log.agrees(from, arrival.payload()) ||
      !half.held.agrees(from, arrival.payload())) {
    ++count(Counter::kContradiction);
    return false;
  }
  if (half.log.octets() + arrival.packet.payload_octets > kLogOctets && half.log.end() < to) {
    ++count(Counter::kHoldFull);
    return false;
  }
  return true;
}

void Shard::pass_segment(Flow& flow, const Segment& segment, const Arrival& arrival) {
  HalfInspection& half = flow.inspection->half[index_of(segment.dir)];
  const auto from = static_cast<uint64_t>(segment.from);
  const auto to = static_cast<uint64_t>(segment.to);
  flow::TcpHalf& tcp = flow.tcp[index_of(segment.dir)];
  tcp.send_to(to, segment.fin);
  half.send_on(from, to);
  // Also within a body that was to be longer.
  if (segment.fin) tcp.fin_at = to;
  forward_clean(arrival);
  if (!wants_octets(flow)) {
    half.next = half.delivered = std::max(half.next, to);
    return;
  }
  observe_octets(flow, segment.dir, from, arrival.payload(), segment.fin);
}

void Shard::hold_segment(Flow& flow, const Segment& segment, const Arrival& arrival) {
  HalfInspection& half = flow.inspection->half[index_of(segment.dir)];
  const auto from = static_cast<uint64_t>(segment.from);
  const auto to = static_cast<uint64_t>(segment.to);
  const uint64_t unsent = std::max(from, flow.tcp[index_of(segment.dir)].sent);
  if (half.held.covers(unsent, to) && (!segment.fin || half.held.has_fin())) return;
  if (!budget_.has(sizeof(flow::Held) + 2 * arrival.frame.size())) {
    end_hold(flow, segment.dir, HoldCause::kMemory);
    return handle_tcp(flow, segment.dir, arrival);
  }
  if (!has_room(half, arrival) && from <= half.next) half.held.erase_waiting(half.next);
  if (!has_room(half, arrival)) {
    ++count(Counter::kHoldFull);
    // Everything was reported and the judge has asked for more than may be held.
    if (half.need_told && half.delivered + half.need > half.next)
      end_hold(flow, segment.dir, HoldCause::kMemory);
    return;
  }
  flow::Held held = held_from(arrival, from, to);
  held.fin = segment.fin;
  half.held.insert(std::move(held));
  advance(half);
  deliver(flow, segment.dir);
  flush_tcp(flow, segment.dir);
}

// A reset drops what is held, and reaches the receiver with the sequence number that it expects.
void Shard::inspect_reset(Flow& flow, Dir dir, const Arrival& arrival) {
  const flow::TcpHalf& half = flow.tcp[index_of(dir)];
  const int64_t from = half.known ? half.offset_of(arrival.packet.sequence) : 0;
  if (from < static_cast<int64_t>(half.acked) ||
      (half.has_edge && from > static_cast<int64_t>(std::max(half.edge, half.sent)))) {
    ++count(Counter::kOutOfWindow);
    return;
  }
  // In the window, but not where the sender is: the receiver answers with a challenge ACK.
  if (!resets(flow, dir, arrival)) return forward_clean(arrival);
  if (from <= static_cast<int64_t>(half.sent) || flow.is_inner())
    forward_clean(arrival);
  else
    emit(reset_toward(flow, dir));
  report_closed(flow, Closed::kRst);
  // A settled flow keeps its log: the receiver need not have seen this reset.
  if (flow.stance != flow::Stance::kUndecided) return;
  end_inspection(flow);
}

// Frames after the end of a flow that was never settled: nothing new passes.
void Shard::late_tcp(Flow& flow, Dir dir, const Arrival& arrival) {
  const Segment segment = segment_of(flow, dir, arrival.packet);
  const bool is_new =
      segment.to > segment.from && segment.to > static_cast<int64_t>(flow.tcp[index_of(dir)].acked);
  if (!is_new && (arrival.packet.tcp_flags & kSyn) == 0) return forward_clean(arrival);
  ++count(Counter::kOutOfWindow);
}

}  // namespace vethwall::engine
