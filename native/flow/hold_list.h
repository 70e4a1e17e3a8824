// Flows that make payload wait, by when they began to: all may wait equally long.
#pragma once
#include <cstdint>

namespace vethwall::flow {

struct Flow;

class HoldList {
 public:
  void add(Flow& flow, uint64_t now_ns);  // at the end; a listed flow starts anew
  void remove(Flow& flow);
  Flow* head() const { return head_; }

 private:
  Flow* head_ = nullptr;
  Flow* tail_ = nullptr;
};

}  // namespace vethwall::flow
