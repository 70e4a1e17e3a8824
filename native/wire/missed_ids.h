// Ids of a kernel queue that no packet came with. The kernel counts on for each packet and then
// looks for room in the socket (nfnetlink_queue's __nfqnl_enqueue_packet()): an id that never came
// was a packet that the socket had no room for.
#pragma once
#include <cstdint>

namespace vethwall::wire {

class MissedIds {
 public:
  // They come in order.
  void came(uint32_t id) {
    if (is_behind(id)) return;
    missed_ += id - last_ - 1;
    last_ = id;
  }
  // Up to `id` none is on its way any more.
  void none_until(uint32_t id) {
    if (is_behind(id)) return;
    missed_ += id - last_;
    last_ = id;
  }
  uint64_t count() const { return missed_; }

 private:
  // They wrap.
  bool is_behind(uint32_t id) const { return static_cast<int32_t>(id - last_) <= 0; }

  uint32_t last_ = 0;  // of a queue just bound: the first is 1
  uint64_t missed_ = 0;
};

}  // namespace vethwall::wire
