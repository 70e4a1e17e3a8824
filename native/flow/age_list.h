// Flows that wait for something, by when they began to: all may wait equally long.
#pragma once
#include <cstdint>

namespace vethwall::flow {

struct Flow;

struct AgeLink {
  Flow* previous = nullptr;
  Flow* next = nullptr;
  uint64_t since_ns = 0;
  bool listed = false;
};

template <AgeLink Flow::*Link>
class AgeList {
 public:
  // At the end; a flow that is listed keeps its place.
  void add(Flow& flow, uint64_t now_ns) {
    AgeLink& link = flow.*Link;
    if (link.listed) return;
    link = {tail_, nullptr, now_ns, true};
    (tail_ ? (tail_->*Link).next : head_) = &flow;
    tail_ = &flow;
  }
  void remove(Flow& flow) {
    AgeLink& link = flow.*Link;
    if (!link.listed) return;
    (link.previous ? (link.previous->*Link).next : head_) = link.next;
    (link.next ? (link.next->*Link).previous : tail_) = link.previous;
    link = {};
  }
  // The oldest, where it has waited `limit_ns`.
  Flow* expired(uint64_t now_ns, uint64_t limit_ns) const {
    return head_ && now_ns >= (head_->*Link).since_ns + limit_ns ? head_ : nullptr;
  }

 private:
  Flow* head_ = nullptr;
  Flow* tail_ = nullptr;
};

}  // namespace vethwall::flow
