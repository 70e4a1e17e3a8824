#include "flow/hold_list.h"

#include "flow/flow.h"

namespace vethwall::flow {

void HoldList::add(Flow& flow, uint64_t now_ns) {
  remove(flow);
  flow.has_held = true;
  flow.held_ns = now_ns;
  flow.hold_previous = tail_;
  (tail_ ? tail_->hold_next : head_) = &flow;
  tail_ = &flow;
}

void HoldList::remove(Flow& flow) {
  if (!flow.has_held) return;
  (flow.hold_previous ? flow.hold_previous->hold_next : head_) = flow.hold_next;
  (flow.hold_next ? flow.hold_next->hold_previous : tail_) = flow.hold_previous;
  flow.has_held = false;
  flow.hold_previous = flow.hold_next = nullptr;
}

}  // namespace vethwall::flow
