// A new policy and the flows that live: a frame or a command of one has it judged first, the others
// are judged some at a time, so that the thread never stops for long.
#include <utility>

#include "engine/shard.h"

namespace vethwall::engine {
namespace {

// Places of the flow table a turn: less than a hundredth of a second.
constexpr uint64_t kPlacesPerTurn = 16384;
// A frame that tells of a denial takes as long as so many of them.
constexpr uint64_t kPlacesPerFrame = 16;

}  // namespace

void Shard::set_policy(std::shared_ptr<const policy::Table> table, uint64_t now_ns) {
  policy_ = std::move(table);
  ++policy_turn_;
  rejudged_places_ = 0;
  rejudge(now_ns);
}

bool Shard::rejudge(uint64_t now_ns) {
  now_ns_ = now_ns;
  const uint64_t emitted = count(Counter::kEmitted);
  uint64_t places = 0;
  while (rejudged_places_ < table_.places()) {
    const uint64_t frames = count(Counter::kEmitted) - emitted;
    if (places++ + frames * kPlacesPerFrame >= kPlacesPerTurn) return true;
    in_force(table_.at(rejudged_places_++));
  }
  return false;
}

Shard::Flow* Shard::in_force(Flow* flow) {
  if (flow == nullptr || flow->policy_turn == policy_turn_) return flow;
  flow->policy_turn = policy_turn_;
  if (flow->is_closed) {
    if (flow->stance != flow::Stance::kDenied) return flow;
    // Its next frame is judged by the new policy, as the first of a flow.
    remove(*flow, Closed::kDenied);
    return nullptr;
  }
  if (flow->tap || flow->stance == flow::Stance::kDenied) return flow;
  const policy::Verdict verdict = judge_l4(*flow);
  if (verdict.verdict == L4Verdict::kAllow) flow->judged_generation = policy_->generation();
  if (verdict.verdict != L4Verdict::kDeny) return flow;
  cut(*flow, verdict.rule);
  settle_after(*flow);
  return flow;
}

}  // namespace vethwall::engine
