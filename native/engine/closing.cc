#include <netinet/in.h>

#include <algorithm>

#include "engine/rule_id.h"
#include "engine/shard.h"

namespace vethwall::engine {
namespace {

bool has_ended(const flow::Flow& flow) {
  return flow.tcp[0].fin_at != flow::kNowhere && flow.tcp[1].fin_at != flow::kNowhere;
}

// What passes unseen is not told by anybody.
bool is_uncounted(const flow::Flow& flow) {
  return flow.bypass == flow::Bypass::kMark || flow.bypass == flow::Bypass::kFilter;
}

}  // namespace

void Shard::settle_after(Flow& flow) {
  if (flow.event_lost) {
    flow.event_lost = false;
    // What the judge never heard of it can't judge.
    if (!flow.tap && flow.stance == flow::Stance::kUndecided) {
      const EndpointConfig* config = endpoint(flow.endpoint());
      if (config != nullptr && config->failure == Took::kClosed)
        cut(flow, kRuleFailure);
      else
        forward_uninspected(flow, kRuleFailure);
    }
  }
  trim(flow);
  timers_.touch(flow, timer_of(flow), now_ns_);
}

void Shard::trim(Flow& flow) {
  if (flow.inspection == nullptr) return;
  bool unsent = false;
  bool is_late = false;
  const bool is_free = flow.tap || flow.stance == flow::Stance::kForward;
  bool idle = true;
  for (size_t i = 0; i < 2; ++i) {
    HalfInspection& half = flow.inspection->half[i];
    const bool is_read =
        !is_free || (wants_octets(flow) && !(flow.tap && half.is_skipped_to_end()));
    const bool guards = !flow.tap && flow.tcp[i].acked < half.guard_to;
    half.log.trim(guards ? std::min(half.delivered, flow.tcp[i].acked) : half.delivered);
    is_late = is_late || half.delivered < half.next;
    unsent = unsent || half.held.has_unsent();
    if (!is_read && !half.held.has_unsent()) half.held.clear();
    idle = idle && !is_read && !guards && half.held.empty();
  }
  if (idle) return end_inspection(flow);
  if (unsent)
    holds_.add(flow, now_ns_);
  else
    holds_.remove(flow);
  if (is_late)
    late_.add(flow, now_ns_);
  else
    late_.remove(flow);
}

flow::Timer Shard::timer_of(const Flow& flow) const {
  if (flow.is_closed)
    return flow.stance == flow::Stance::kDenied ? flow::Timer::kDenied : flow::Timer::kClosing;
  if (flow::is_icmp(flow.protocol())) return flow::Timer::kIcmp;
  if (is_uncounted(flow) && !has_ended(flow))
    return flow.protocol() == IPPROTO_TCP ? flow::Timer::kBypassed : flow::Timer::kEstablished;
  if (flow.protocol() != IPPROTO_TCP)
    return flow.is_answered ? flow::Timer::kUdpAnswered : flow::Timer::kUdpUnanswered;
  const auto& [orig, reply] = flow.tcp;
  if (has_ended(flow)) return flow::Timer::kClosing;
  const bool handshake_done = orig.has_edge && reply.has_edge;
  return handshake_done || flow.start == Start::kMidstream ? flow::Timer::kEstablished
                                                           : flow::Timer::kSyn;
}

void Shard::deny(Flow& flow, uint32_t rule) {
  end_body(flow);
  flow.rule = rule;
  flow.stance = flow::Stance::kDenied;
  end_inspection(flow);
  if (!flow.tap) report_closed(flow, Closed::kDenied);
}

void Shard::forward_uninspected(Flow& flow, uint32_t rule) {
  end_body(flow);
  const bool was_judged = flow.stance == flow::Stance::kUndecided;
  flow.rule = rule;
  flow.stance = flow::Stance::kForward;
  flow.is_settled = true;
  if (flow.inspection == nullptr) return;
  for (HalfInspection& half : flow.inspection->half) {
    half.release_to(flow::kWholeDirection);
    // A retransmission of what was judged may still not say otherwise.
    if (was_judged) half.guard_to = half.log.end();
  }
  flush(flow);
}

void Shard::end_inspection(Flow& flow) {
  holds_.remove(flow);
  late_.remove(flow);
  flow.inspection.reset();
}

void Shard::report_closed(Flow& flow, Closed how) {
  if (flow.is_closed) return;
  if (flow.tap && how == Closed::kRst) lose_doubtful(flow);
  if (flow.tap) deliver_late(flow);
  flow.is_closed = true;
  ++count(Counter::kFlowsClosed);
  events_.closed(flow, how, carried(flow));
}

void Shard::remove(Flow& flow, Closed how) {
  report_closed(flow, how);
  stop_carrying(flow);
  timers_.remove(flow);
  holds_.remove(flow);
  late_.remove(flow);
  table_.erase(flow);
}

void Shard::make_room() {
  ++count(Counter::kFlowTableFull);
  Flow* oldest = timers_.oldest(table_.size());
  if (oldest != nullptr) remove(*oldest, Closed::kEvicted);
}

}  // namespace vethwall::engine
