// Flows that wait for something, by when they began to: all may wait equally long.
#pragma once
#include <cstdint>
#include <memory>
#include <utility>

#include "flow/flow.h"

namespace vethwall::flow {

// `Link` is found in the inspection: nothing waits in a flow without.
template <std::unique_ptr<AgeLink> Inspection::*Link>
class AgeList {
 public:
  // At the end; a flow that is listed keeps its place.
  void add(Flow& flow, uint64_t now_ns) {
    std::unique_ptr<AgeLink>& link = of(flow);
    if (link != nullptr) return;
    link = std::make_unique<AgeLink>(AgeLink{tail_, nullptr, now_ns});
    (tail_ ? of(*tail_)->next : head_) = &flow;
    tail_ = &flow;
  }
  void remove(Flow& flow) {
    if (flow.inspection == nullptr || of(flow) == nullptr) return;
    const std::unique_ptr<AgeLink> link = std::exchange(of(flow), nullptr);
    (link->previous ? of(*link->previous)->next : head_) = link->next;
    (link->next ? of(*link->next)->previous : tail_) = link->previous;
  }
  // The oldest, where it has waited `limit_ns`.
  Flow* expired(uint64_t now_ns, uint64_t limit_ns) const {
    return head_ && now_ns >= of(*head_)->since_ns + limit_ns ? head_ : nullptr;
  }

 private:
  static std::unique_ptr<AgeLink>& of(Flow& flow) { return (*flow.inspection).*Link; }
  Flow* head_ = nullptr;
  Flow* tail_ = nullptr;
};

}  // namespace vethwall::flow
