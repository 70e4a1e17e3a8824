// One direction's octets in order, exactly once, for holding and for tap alike.
#include <algorithm>

#include "engine/shard.h"
#include "engine/tcp_flags.h"

namespace vethwall::engine {
namespace {

// One record at most this long, so that a ring of modest size always takes one.
constexpr uint64_t kEventOctets = 16384;

uint32_t clamp_octets(uint64_t octets) {
  return static_cast<uint32_t>(std::min<uint64_t>(octets, UINT32_MAX));
}

bool is_ended(const flow::HalfInspection& half) {
  return !half.ended_told && half.fin_at <= half.next;
}

}  // namespace

bool Shard::wants_octets(const Flow& flow) const {
  // A receiver that was reset takes no more.
  if (flow.is_closed) return false;
  if (flow.stance == flow::Stance::kUndecided) return true;
  if (flow.stance == flow::Stance::kDenied) return false;
  const EndpointConfig& config = endpoints_[flow.endpoint()].config;
  return config.deliver_all || ((flow.tap || config.identifies) && !flow.is_settled);
}

void Shard::take_in_sequence(HalfInspection& half, uint64_t at, std::span<const uint8_t> octets) {
  const uint64_t end = at + octets.size();
  if (end <= half.next || half.fin_at <= half.next) return;
  half.log.append(half.next, octets.subspan(half.next - at));
  half.next = end;
  half.doubtful.erase_ended_by(half.next);
}

void Shard::end_stream(HalfInspection& half) {
  if (half.fin_at == flow::kNowhere) half.fin_at = half.next;
}

// Takes what waited for the octets before it.
void Shard::advance(HalfInspection& half) {
  for (const flow::Held& held : half.held.frames()) {
    if (held.from > half.next || half.doubts_end()) break;
    const uint64_t to =
        half.next < half.doubtful_end ? std::min(held.to, half.doubtful_end) : held.to;
    take_in_sequence(half, held.from, held.payload().first(to - held.from));
    if (held.passed && held.fin && held.to == half.next && !half.doubts_end()) end_stream(half);
  }
  if (half.doubts_end()) return;
  // Linux's tcp_fin() throws away what waits behind the end.
  half.held.erase_taken(half.fin_at <= half.next ? flow::kNowhere : half.next);
}

void Shard::deliver(Flow& flow, Dir dir) {
  HalfInspection& half = flow.inspection->half[index_of(dir)];
  if (!wants_octets(flow)) {
    half.delivered = std::max(half.delivered, half.next);
    return;
  }
  for (;;) {
    if (half.take_skip()) advance(half);
    uint64_t available = half.next - half.delivered;
    const bool before_skip = !half.skip.empty() && half.delivered < half.skip.from;
    if (before_skip) available = std::min(available, half.skip.from - half.delivered);
    const bool reaches_end = half.delivered + available == half.next && is_ended(half);
    if (available < half.need && !reaches_end && !before_skip) return;
    if (available == 0 && !reaches_end) return;
    const uint64_t octets = std::min(available, kEventOctets);
    if (!deliver_chunk(flow, dir, octets, reaches_end && octets == available)) return;
  }
}

void Shard::deliver_late(Flow& flow) {
  late_.remove(flow);
  for (const Dir dir : {Dir::kOrig, Dir::kReply}) {
    if (flow.inspection == nullptr) return;
    flow.inspection->half[index_of(dir)].need = 1;
    deliver(flow, dir);
  }
}

bool Shard::deliver_chunk(Flow& flow, Dir dir, uint64_t octets, bool ended) {
  HalfInspection& half = flow.inspection->half[index_of(dir)];
  const flow::TcpHalf& tcp = flow.tcp[index_of(dir)];
  report_gap_of_lost(flow, dir);
  const uint64_t at = std::min(half.delivered, half.fin_at);
  const bool held = !flow.tap && at + octets + (ended ? 1 : 0) > tcp.sent;
  uint8_t* place = events_.octets(flow, dir, at, clamp_octets(octets), ended, held);
  if (place == nullptr) {
    flow.event_lost = true;
    if (!flow.tap && flow.stance == flow::Stance::kUndecided) return false;
    if (half.lost_octets == 0) half.lost_from = at;
    half.lost_octets += octets;
  } else {
    half.log.copy(at, {place, octets});
    events_.publish();
  }
  half.delivered += octets;
  half.ended_told = half.ended_told || ended;
  half.need = 1;
  half.need_told = false;
  return true;
}

void Shard::report_gap_of_lost(Flow& flow, Dir dir) {
  HalfInspection& half = flow.inspection->half[index_of(dir)];
  if (half.lost_octets == 0) return;
  if (events_.gap(flow, dir, half.lost_from, clamp_octets(half.lost_octets), GapCause::kLost))
    half.lost_octets = 0;
}

// Goes on behind a hole that nothing will fill any more.
void Shard::gap(Flow& flow, Dir dir, uint64_t to, GapCause cause) {
  HalfInspection& half = flow.inspection->half[index_of(dir)];
  half.need = 1;
  deliver(flow, dir);
  if (to <= half.next) return;
  if (!events_.gap(flow, dir, half.next, clamp_octets(to - half.next), cause)) {
    if (half.lost_octets == 0) half.lost_from = half.next;
    half.lost_octets += to - half.next;
  }
  half.next = half.delivered = to;
  advance(half);
}

}  // namespace vethwall::engine
