#include "engine/shard.h"

namespace vethwall::engine {

void Shard::tick(uint64_t now_ns) {
  now_ns_ = now_ns;
  while (Flow* flow = holds_.head()) {
    if (now_ns < flow->held_ns + limits_.hold_ns) break;
    hold_expired(*flow);
    settle_after(*flow);
  }
  for (size_t i = 0; i < flow::kTimers; ++i) {
    const auto timer = static_cast<flow::Timer>(i);
    while (Flow* flow = timers_.expired(timer, now_ns))
      remove(*flow, timer == flow::Timer::kClosing ? Closed::kFin : Closed::kIdle);
  }
  reassembler_.expire(now_ns);
  events_.report_lost();
}

}  // namespace vethwall::engine
