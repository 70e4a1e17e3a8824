#include "engine/shard.h"

namespace vethwall::engine {
namespace {

// How long `need` delays a report: it saves wake-ups, and no octet is worth losing for that where
// the command crossed a report on its way.
constexpr uint64_t kNeedGraceNs = 20'000'000;

}  // namespace

void Shard::tick(uint64_t now_ns) {
  now_ns_ = now_ns;
  while (Flow* flow = late_.expired(now_ns, kNeedGraceNs)) {
    // Where the policy in force denies it, nobody reads it any more.
    in_force(flow);
    if (flow->inspection == nullptr) continue;
    deliver_late(*flow);
    settle_after(*flow);
  }
  while (Flow* flow = holds_.expired(now_ns, limits_.hold_ns)) {
    in_force(flow);
    if (flow->inspection == nullptr) continue;
    hold_expired(*flow);
    settle_after(*flow);
  }
  for (size_t i = 0; i < flow::kTimers; ++i) {
    const auto timer = static_cast<flow::Timer>(i);
    while (Flow* flow = timers_.expired(timer, now_ns)) {
      // Where the kernel has carried more of it meanwhile, it is not idle.
      if (has_moved(*flow))
        timers_.touch(*flow, timer, now_ns);
      else
        remove(*flow, timer == flow::Timer::kClosing ? Closed::kFin : Closed::kIdle);
    }
  }
  rejudge(now_ns);
  judge_deferred();
  reassembler_.expire(now_ns);
  report_spoofed();
  events_.report_lost();
}

}  // namespace vethwall::engine
